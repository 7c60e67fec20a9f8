"""The one comment about a whole review: verdict, what stands where, what was read, what it cost."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.github.api.model import Posted, PullRequest
from reviewloop.github.comments.bodies import headline, remark_parts, rule_of
from reviewloop.github.comments.untrusted import code, sanitised_line, unmarked
from reviewloop.github.posting.coverage import coverage, spent
from reviewloop.github.posting.parts import LONGEST_BLOCK, Block, packed, upsert
from reviewloop.render.code_view import shown_path, visible
from reviewloop.render.report import ReviewReport
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    Rules,
    added_lines,
    failures,
    in_order,
    left_out,
    no_rules,
    outcome_sentence,
    severity_label,
    silencing_reason,
    tally,
    who,
)
from reviewloop.render.rules import rule_link
from reviewloop.render.text import counted
from reviewloop.render.untrusted import fenced, language, link

__all__ = ["summary", "upsert"]

TITLE = "## reviewloop: "
_QUOTED_LINES = 12
_MUST_FIX_NAMED = 10
_SILENCED_SHOWN = 100
_LONGEST_LINE = 300
_FAILING = {"must": 0, "should": 1, "nit": 2}  # rank of the least severity that counts


def summary(
    report: ReviewReport,
    posted: Posted,
    pull: PullRequest,
    *,
    run_url: str = "",
    state_marker: str = "",
    notes: Sequence[str] = (),
    standing: Collection[str] = (),
    earlier: Sequence[Severity] = (),
    failing: Sequence[Severity] | None = None,
    dismissed: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    rules: Rules = no_rules,
    rendered: Callable[[str], str] = str,
) -> list[str]:
    """Return the bodies of the summary's comments, the first with the marker (`packed`).

    Every finding of the report that has no comment on the diff is told here: those are what was
    posted, what was known, and `standing` (fingerprints). `earlier` is what is open although this
    report is silent on it, `failing` what of that may fail it (all by default). `dismissed` maps
    fingerprints, which are not told as open, to who dismissed them and why. `names` has a line of
    Markdown for each finding that this report is silent on. `rendered` takes out what must not be
    shown.
    """
    dismissed, names = dismissed or {}, names or {}
    on_diff = {*posted.inline, *posted.on_file, *posted.known, *standing}
    open_ = [finding for finding in report.findings if finding.id not in dismissed]
    here = [finding for finding in open_ if finding.id not in on_diff]
    head = _head(report, open_, earlier, earlier if failing is None else failing, pull, run_url)
    blocks: list[Block] = [*_places(open_, here, posted), *_remarks(posted, notes)]
    blocks += _told(here, rules)
    blocks += _before([line for name, line in names.items() if name not in dismissed])
    blocks += _not_open(report, dismissed, names, rules)
    blocks += [(text, 0) for text in coverage(report)]
    shown = [(rendered(text), findings) for text, findings in blocks]
    return packed(rendered(head), shown, state_marker)


def severity_marks(severities: Iterable[Severity]) -> str:
    """Return how many there are of each severity, "" for none."""
    found = Counter(severities)
    counts = [(severity, found[severity]) for severity in Severity if found[severity]]
    return " · ".join(f"{s.mark} {n} {severity_label(s, n)}" for s, n in counts)


def _head(
    report: ReviewReport,
    open_: Sequence[Finding],
    earlier: Sequence[Severity],
    failing: Sequence[Severity],
    pull: PullRequest,
    run_url: str,
) -> str:
    marks = severity_marks([*(finding.severity for finding in open_), *earlier])
    titles = {"incomplete": "the review is incomplete", "nothing_to_review": "nothing to review"}
    title = titles.get(report.outcome, "")
    parts = (title, marks or ("" if title else "no findings"), left_out(report))
    lines = [f"{TITLE}{' · '.join(filter(None, parts))}"]
    lines.append(sanitised_line(_verdict(report, open_, earlier, failing)))
    if worst := _must_fix(open_):
        lines.append(worst)
    failed = failures(report)
    if failed:
        lines.append("\n".join(f"- ❌ {code(name)}: {sanitised_line(why)}" for name, why in failed))
    files = f"{counted(len(report.reviewed), 'file')}, {counted(added_lines(report), 'new line')}"
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    where = f"{code(pull.head_sha[:7])} against {code(pull.base_ref)} ({code(pull.base_sha[:7])})"
    page = f" · {link('run', run_url)}" if run_url else ""
    lines.append(f"Reviewed {where}: {files}{skipped} · {spent(report)}{page}")
    return "\n\n".join(lines)


def _must_fix(open_: Sequence[Finding]) -> str:
    """Return the must-fix findings by place and title: an e-mail may show nothing below them."""
    must = [finding for finding in in_order(open_) if finding.severity is Severity.MUST_FIX]
    lines = [
        f"- {finding.severity.mark} {code(_place(finding)) or 'the change as a whole'}: "
        f"{sanitised_line(finding.title, _LONGEST_LINE)}"
        for finding in must[:_MUST_FIX_NAMED]
    ]
    if len(must) > _MUST_FIX_NAMED:
        lines.append(f"- … and {len(must) - _MUST_FIX_NAMED} more that must be fixed")
    return "\n".join(["**Must fix:**", "", *lines]) if lines else ""


def _verdict(
    report: ReviewReport,
    open_: Sequence[Finding],
    earlier: Sequence[Severity],
    failing: Sequence[Severity],
) -> str:
    """Return one sentence; it counts what is open on the pull request, not what was dismissed."""
    if report.outcome != "findings" and not (earlier and report.outcome == "clean"):
        return outcome_sentence(report)
    if not open_ and not earlier:
        return "Clean: no open findings."
    least = _FAILING.get(report.fail_on, -1)
    counting = (*(f.severity for f in open_ if f.may_fail), *failing)
    if number := sum(severity.rank <= least for severity in counting):
        found = counted(number, "finding has", "findings have")
        return f"Changes are needed: {found} to be dealt with (`fail-on: {report.fail_on}`)."
    before = f" of this review, {len(earlier)} of earlier ones" if earlier else ""
    return f"Not blocking (`fail-on: {report.fail_on}`): {tally(open_)}{before}."


def _places(open_: Sequence[Finding], here: Sequence[Finding], posted: Posted) -> Iterator[Block]:
    """Yield where the findings stand, as one line."""
    if not open_:
        return
    standing = len(open_) - len(here) - len(posted.inline) - len(posted.on_file)
    counts = {
        "new on lines": len(posted.inline),
        "new on files": len(posted.on_file),
        "on the diff already": max(0, standing),
        "below": len(here),
    }
    yield "Where: " + ", ".join(f"{n} {place}" for place, n in counts.items() if n) + ".", 0


def _remarks(posted: Posted, notes: Sequence[str]) -> Iterator[Block]:
    lines = [f"- ⚠️ {sanitised_line(problem)}" for problem in posted.problems]
    lines += [f"- {sanitised_line(note)}" for note in notes]
    for text in _chunks(lines):
        yield text, 0


def _told(here: Sequence[Finding], rules: Rules) -> Iterator[Block]:
    """Yield the findings that stand nowhere else, most important first."""
    about = [f for f in here if f.placement in {Placement.CHANGED, Placement.FILE}]
    for severity in (Severity.MUST_FIX, Severity.SHOULD_FIX):
        for finding in about:
            if finding.severity is severity:
                yield _whole(finding, rules), 1
    for placement, title in (
        (Placement.CONTEXT, "About code outside of the change"),
        (Placement.UNANCHORED, "Without a place"),
    ):
        group = [finding for finding in here if finding.placement is placement]
        yield from _folded(
            f"{title}: {tally(group)}",
            [_short(finding, rules, why=True) for finding in group],
            PLACEMENT_NOTES[placement],
        )
    nits = [finding for finding in about if finding.severity is Severity.NIT]
    lines = [_short(finding, rules) for finding in in_order(nits)]
    yield from _folded(f"{Severity.NIT.mark} {counted(len(nits), 'nit')}", lines)


def _before(names: Sequence[str]) -> Iterator[Block]:
    found = counted(len(names), "finding")
    note = "Not repeated by this review; their code is as it was."
    lines = [f"- {name}" for name in names]
    yield from _folded(f"Still open from earlier reviews: {found}", lines, note)


def _not_open(
    report: ReviewReport, dismissed: Mapping[str, str], names: Mapping[str, str], rules: Rules
) -> Iterator[Block]:
    lines = [
        f"- {names.get(name) or code(name)}: {sanitised_line(why)}"
        for name, why in dismissed.items()
    ]
    silenced = [finding for finding in report.silenced if finding.id not in dismissed]
    lines += [
        f"{_short(finding, rules)}: {sanitised_line(silencing_reason(finding))}"
        for finding in in_order(silenced)
    ]
    if len(lines) > _SILENCED_SHOWN:
        lines[_SILENCED_SHOWN:] = [f"- … and {len(lines) - _SILENCED_SHOWN} more"]
    title = f"Silenced or dismissed: {counted(len(dismissed) + len(silenced), 'finding')}"
    for text, _ in _folded(title, lines):
        yield text, 0


def _whole(finding: Finding, rules: Rules) -> str:
    parts = [f"### {headline(finding)}", _origin(finding, rules, sanitised_line(who(finding)))]
    quoted = finding.quote.strip("\n").split("\n")[:_QUOTED_LINES] if finding.line else []
    if any(line.strip() for line in quoted):
        lines = [unmarked(visible(line[:_LONGEST_LINE])) for line in quoted]
        parts.append(fenced(lines, language(finding.path)))
    return "\n\n".join([*parts, *remark_parts(finding)])


def _short(finding: Finding, rules: Rules, *, why: bool = False) -> str:
    said = f": {sanitised_line(finding.why, 600)}" if why and finding.why.strip() else ""
    mark = finding.severity.mark if why else ""
    title = f"{sanitised_line(finding.title)}{said}"
    return " ".join(filter(None, ("-", mark, _origin(finding, rules, title))))


def _origin(finding: Finding, rules: Rules, text: str) -> str:
    """Return place, text, rule and fingerprint."""
    rule = rule_of(finding, rule_link(finding, rules))
    where = code(_place(finding)) or "the change as a whole"
    return " · ".join(filter(None, (where, text, rule, code(finding.id))))


def _place(finding: Finding) -> str:
    path = shown_path(finding.path)[:_LONGEST_LINE]
    known = finding.line is not None and finding.placement is not Placement.UNANCHORED
    if not path or not known:
        return path
    end = finding.end_line or 0
    return f"{path}:{finding.line}" + (f"–{end}" if end > (finding.line or 0) else "")


def _folded(title: str, lines: Sequence[str], note: str = "") -> Iterator[Block]:
    """Yield a list that opens on a click, in as many pieces as its length asks for."""
    if not lines:
        return
    above = f"{note}\n\n" if note else ""
    for number, text in enumerate(_chunks(lines)):
        name = title if number == 0 else f"{title} (continued)"
        block = f"<details><summary>{name}</summary>\n\n{above}{text}\n\n</details>"
        yield block, text.count("\n") + 1


def _chunks(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines together, at most as many as fit one block with what stands around them."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        if chunk and size + len(line) > LONGEST_BLOCK - 1000:
            yield "\n".join(chunk)
            chunk, size = [], 0
        chunk.append(line)
        size += len(line) + 1
    if chunk:
        yield "\n".join(chunk)
