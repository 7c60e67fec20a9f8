"""What is said about fixes that a comment asked for: why they need a person, and the answer."""

from collections.abc import Iterable, Mapping, Sequence

from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.domain.gate import GateStatus
from reviewloop.github.comments.bodies import code, sanitised_line, unmarked
from reviewloop.render.code_view import visible
from reviewloop.render.proposal import Proposal
from reviewloop.render.text import counted, money, tokens
from reviewloop.render.untrusted import fenced, link

_LEFT = {str(Status.OPEN), str(Status.UNRESOLVED)}
_NO_RUN = (
    "_GitHub starts no workflow by itself for a push with a workflow's own token. "
    "`/reviewloop review` has this commit reviewed; checks run after another push, when this pull "
    "request is closed and opened again, or when you approve their runs on its page, if GitHub "
    "offers it._"
)
_MOST_PATCH = 30_000  # characters; a comment holds 65,536


def needs_person(proposal: Proposal) -> tuple[str, ...]:
    """Return why nobody but a person who looks may approve this, one sentence each; () for clean.

    The comment that asked for the fixes approves a clean result only: somebody wrote it before
    there was anything to look at.
    """
    reasons = [proposal["blocked"]] if proposal["blocked"] else []
    reasons += [
        f"{finding['title']} ({_where(finding)}): {finding['note'] or 'still open'}"
        for finding in proposal["findings"]
        if finding["status"] in _LEFT and Severity(finding["severity"]).actionable
    ]
    reasons += [f"{name} failed" for name in proposal["incomplete"]]
    reasons += proposal["governance"]
    reasons += [f"{file['path']}: it {file['why']}" for file in proposal["protected"]]
    reasons += [
        f"{gate['name']}: {gate['summary']}"
        for gate in proposal["gates"]
        if gate["status"] == GateStatus.NOT_VERIFIABLE
    ]
    return tuple(dict.fromkeys(reasons))


def fixed_words(
    findings: Sequence[Finding],
    left: Mapping[str, str],
    proposal: Proposal,
    *,
    actor: str,
    commit: str,
    pull_url: str,
    run_url: str,
) -> str:
    """Return the answer for a commit that fixes these findings, as Markdown."""
    at = link(commit[:12], f"{pull_url}/commits/{commit}")
    lines = [f"### reviewloop: fixed {counted(len(findings), 'finding')}", "", f"In {at}:", ""]
    lines += [_item(finding) for finding in findings]
    lines += ["", *_untried(left)]
    gates = "; ".join(f"{gate['name']}: {_gate(gate)}" for gate in proposal["gates"])
    lines += [f"**Guard-rails:** {sanitised_line(gates)}", ""] if gates else []
    lines += [f"Approved by {code(actor)} with the comment that asked for it.", ""]
    lines += [_figures(proposal, run_url), "", _NO_RUN]
    return "\n".join(lines)


def unfixed_words(
    reasons: Iterable[str],
    left: Mapping[str, str],
    proposal: Proposal | None,
    *,
    patch: str = "",
    run_url: str,
) -> str:
    """Return the answer when nothing was committed, as Markdown.

    `patch` is what was made all the same; whoever asked may apply it by hand.
    """
    lines = ["### reviewloop: not fixed, needs you", ""]
    lines += [f"- {sanitised_line(reason)}" for reason in reasons]
    lines += ["", *_untried(left), "Nothing was committed.", "", *_made(patch)]
    figures = _figures(proposal or Proposal(), run_url)
    return "\n".join([*lines, figures])


def _where(finding: Mapping[str, object]) -> str:
    return f"{finding['path']}:{finding['line']}" if finding["line"] else str(finding["path"])


def _item(finding: Finding) -> str:
    title = sanitised_line(finding.title)
    return f"- {finding.severity.mark} {title} ({code(finding.where)}, {code(finding.id)})"


def _untried(left: Mapping[str, str]) -> list[str]:
    if not left:
        return []
    items = [f"- {code(name)}: {sanitised_line(why)}" for name, why in left.items()]
    return ["Not tried:", "", *items, ""]


def _made(patch: str) -> list[str]:
    """Return a patch that was not committed, folded; of a long one its beginning."""
    if not patch.strip():
        return []
    shown = patch.rstrip("\n")
    lines = [unmarked(visible(line)) for line in shown[:_MOST_PATCH].split("\n")]
    if len(shown) > _MOST_PATCH:
        lines[-1] = "… cut here, because a comment holds no more"
    head = "<details><summary>The change that was made</summary>"
    return [head, "", fenced(lines, "diff"), "", "</details>", ""]


def _gate(gate: Mapping[str, object]) -> str:
    words = str(gate["status"]).replace("_", " ")
    counts = str(gate["summary"]) if gate["name"] == "test" else ""
    return f"{words} ({counts})" if counts else words


def _figures(proposal: Proposal, run_url: str) -> str:
    parts = []
    if usage := proposal.get("usage"):
        used = usage["input"] + usage["output"] + usage["cache_read"] + usage["cache_write"]
        rounds = proposal["rounds"]["used"]
        parts = [counted(rounds, "fix round"), f"{tokens(used)} tokens"]
        parts.append(money(usage.get("cost_usd")))
    if run_url:
        parts.append(link("run", run_url))
    return f"<sub>{' · '.join(parts)}</sub>" if parts else ""
