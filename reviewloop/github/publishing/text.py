"""The text of a run's pull request: its facts, the evidence for them and the approval."""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, field, replace
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.app.run.view import RunView
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.domain.globs import Folders, fits
from reviewloop.domain.task import Spec, Task
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError
from reviewloop.github.comments.bodies import break_marks, code, sanitise, sanitise_line
from reviewloop.github.publishing.description import Description, description_of
from reviewloop.github.publishing.template import fill_template
from reviewloop.loop.approval_act import Act
from reviewloop.loop.user_edits import edit_line
from reviewloop.regex import regex
from reviewloop.render.proposal import Proposal
from reviewloop.render.review_words import tally
from reviewloop.render.text import counted, duration, money, share, tokens, tokens_in
from reviewloop.specs.briefing import Requirement, TaskRequirements, requirements_of
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, TreeFiles

LONGEST = 65_000  # characters; GitHub takes 65,536
LONGEST_TITLE = 200
_ROOM = 2000  # for our marks and the sentence about approval
_MOST_FINDINGS, _MOST_CRITERIA, _MOST_FILES = 50, 100, 60
_END = "<!-- reviewloop:pull:end -->"
_CLIPPED = "\n\n_The text is clipped here; the run holds the rest: `reviewloop show {run}`._\n"
_GATES = {"passed": "✅", "failed": "❌", "hard_stop": "❌", "error": "❌", "off": "➖"}


@dataclass(frozen=True)
class PullTextParts:
    """The parts of the text, before untrusted text is made safe."""

    run: str
    proposal: Proposal
    requirements: TaskRequirements = field(default_factory=TaskRequirements)
    named_in: tuple[tuple[str, str], ...] = ()  # criterion, the changed test file that names it
    reviewers: tuple[str, ...] = ()  # suggested, without @
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()  # changes to the requirements of the task
    description: Description = field(default_factory=Description)


def title_of(proposal: Proposal) -> str:
    """Return the title: id and words of the task, or the request of the run."""
    words = " ".join(filter(None, (proposal.get("task", ""), proposal.get("title", ""))))
    return _title(words) or "Change"


def pull_text(facts: PullTextParts, redact: Callable[[str], str]) -> str:
    """Return the text below the sentence about approval; `redact` takes secrets out."""
    facts = _hidden(facts, redact)
    body = {
        "asked": _requirements(facts),
        "done": _done(facts),
        "criteria": "\n\n".join(filter(None, (_criteria(facts), _other_criteria(facts)))),
        "evidence": _evidence(facts),
        "findings": _findings(facts),
    }
    template = facts.description.template
    parts = [fill_template(template, body)] if template else [*body.values()]
    parts += [_files(facts), _reviewers(facts), _notes(facts)]
    return clip_text("\n\n".join(part for part in parts if part), facts.run, LONGEST - _ROOM)


def section_of(run: str, approval: str, text: str) -> str:
    """Return the section of a run in the pull request: our marks, the approval, the text.

    Marks of ours inside the text do not count: it may come from a job with a model.
    """
    text = clip_text(break_marks(text), run, LONGEST - len(approval) - _ROOM // 2)
    return f"{_start(run)}\n{approval}\n\n{text}\n{_END}"


def clip_text(text: str, run: str, most: int) -> str:
    """Return the text, or as many lines as fit and a sign for the rest."""
    if len(text) <= most:
        return text
    sign = _CLIPPED.format(run=run)
    return text[: most - len(sign)].rpartition("\n")[0] + sign


def update_section(body: str, section: str, run: str) -> str | None:
    """Return the body of a pull request with the section of a run renewed.

    Everything outside of our marks stays. A further run adds its section. None for a body without
    our marks (a user wrote it), and when there is no room for one more.
    """
    pattern = re.compile(re.escape(_start(run)) + r".*?" + re.escape(_END), re.DOTALL)
    body = body.replace("\r\n", "\n")  # line endings as the page sends them
    if found := pattern.search(body):
        made = body[: found.start()] + section + body[found.end() :]
    elif "<!-- reviewloop:pull " in body and _END in body:
        made = f"{body.rstrip()}\n\n---\n\n{section}"
    else:
        return None
    return made if len(made) <= 65_536 else None


def approved_by(act: Act | None, *, environment: str = "") -> str:
    """Return the sentence on the act that approved the commit, or on the missing approval."""
    if act is None:
        why = f" The environment {code(environment)} asks no reviewer." if environment else ""
        return f"⚠️ **Nobody has approved this commit: it stays a draft.**{why}"
    if act.kind == "autopilot":
        return (
            "⚠️ **No person has looked at this commit: autopilot made it, as its settings allow.**"
        )
    who = sanitise_line(act.actor, 100)
    how = {
        "terminal": "at a terminal, having been shown the change",
        "command": "by a command",
        "program": "through a program",
        "comment": f"by the comment {sanitise_line(act.ident, 100)}",
        "environment": f"by approving the environment {sanitise_line(act.ident, 200)}",
    }[act.kind]
    where = f" (<{act.url}>)" if re.fullmatch(r"https?://[\w./:#?=&%-]+", act.url) else ""
    return f"Approved by **{who}** {how}{where}."


def _hidden(facts: PullTextParts, redact: Callable[[str], str]) -> PullTextParts:
    """Take secrets out while each text is whole: escapes would cut them into pieces."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value)
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, list | tuple) else value

    requirements = clean(asdict(facts.requirements))
    return replace(
        facts,
        proposal=clean(facts.proposal),
        requirements=TaskRequirements(
            tuple(Requirement(**one) for one in requirements["requirements"]),
            tuple((key, text) for key, text in requirements["criteria"]),
            tuple(requirements["missing"]),
        ),
        notes=tuple(clean(facts.notes)),
        changes=tuple(clean(facts.changes)),
        description=Description(
            redact(facts.description.template),
            redact(facts.description.source),
            tuple((key, redact(text)) for key, text in facts.description.criteria),
            facts.description.hook,
            tuple(clean(facts.description.notes)),
        ),
    )


def _start(run: str) -> str:
    return f"<!-- reviewloop:pull {run} -->"


def _title(words: str) -> str:
    """Return words as a title, which GitHub shows unchanged but parses for references."""
    line = " ".join(words.split())
    line = re.sub(r"[@#](?=\w)", lambda m: m.group() + "\u200b", line)
    line = "".join(char for char in line if char.isprintable() or char == "\u200b")
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def _requirements(facts: PullTextParts) -> str:
    proposal, lines = facts.proposal, ["### What was asked"]
    named = f"Task {code(proposal['task'])}: " if proposal.get("task") else ""
    spec = f" ({code(proposal['spec'])})" if proposal.get("spec") else ""
    lines.append(f"{named}{sanitise_line(proposal.get('title', ''))}{spec}")
    for one in facts.requirements.requirements:
        title = sanitise_line(one.title or f"Requirement {one.id}")
        story = sanitise(one.story, 2000)
        lines.append(f"**{title}**" + (f"\n{story}" if story else ""))
    if facts.changes:
        listed = "\n".join(f"- {sanitise_line(one)}" for one in facts.changes)
        lines.append(f"What changed of them:\n{listed}")
    if facts.requirements.missing:
        names = ", ".join(map(code, facts.requirements.missing))
        lines.append(f"Named by the task but written nowhere: {names}")
    return "\n\n".join(lines)


def _done(facts: PullTextParts) -> str:
    """Return the implementer's summary: the message without the lines that we add."""
    whole, ours = facts.proposal.get("message", ""), facts.proposal.get("message_ours", "")
    _, _, text = whole.rstrip().removesuffix(ours.strip()).partition("\n")
    words = sanitise(text, 4000)
    edits = sanitise_line(edit_line(facts.proposal.get("person_edited") or {}), 1000)
    rest = "\n\n".join(filter(None, (words, f"⚠️ {edits}" if edits else "")))
    return f"### What was done\n\n{rest}" if rest else ""


def _criteria(facts: PullTextParts) -> str:
    if not facts.requirements.criteria:
        return ""
    tests: dict[str, list[str]] = {}
    for key, path in facts.named_in:
        tests.setdefault(key, []).append(path)
    lines = []
    for key, text in facts.requirements.criteria[:_MOST_CRITERIA]:
        where = ", ".join(map(code, tests.get(key, [])[:3]))
        named = f" — named in {where}" if where else ""
        lines.append(f"- [ ] {code(key)} {sanitise_line(text)}{named}")
    left = len(facts.requirements.criteria) - len(lines)
    if left > 0:
        lines.append(f"- … and {counted(left, 'more criterion', 'more criteria')} in the spec")
    changed = [file["path"] for file in facts.proposal.get("files", []) if is_test(file["path"])]
    shown = ", ".join(map(code, changed[:5])) + (", …" if len(changed) > 5 else "")
    foot = f"Nobody has ticked these for you. Tests of this change: {shown or 'none'}."
    return "\n\n".join(["### Acceptance criteria", "\n".join(lines), foot])


def _other_criteria(facts: PullTextParts) -> str:
    """Return the criteria of a hook's source that are not the task's own."""
    own = {key for key, _ in facts.requirements.criteria}
    others = [(key, text) for key, text in facts.description.criteria if key not in own or not key]
    if not others:
        return ""
    shown = [
        f"- {code(key)} {sanitise_line(text)}" if key else f"- {sanitise_line(text)}"
        for key, text in others[:_MOST_CRITERIA]
    ]
    if len(others) > len(shown):
        left = counted(len(others) - len(shown), "more criterion", "more criteria")
        shown.append(f"- … and {left}")
    head = f"### Other criteria of {code(facts.description.source)}"
    return "\n\n".join([head, "\n".join(shown)])


def _evidence(facts: PullTextParts) -> str:
    proposal = facts.proposal
    rows = [(f"gate {code(g['name'])}", _gate(g)) for g in proposal.get("gates", [])]
    tests = proposal.get("tests")
    if tests:
        counts = [f"{tests.get(k, 0)} {k}" for k in ("passed", "failed", "skipped") if tests.get(k)]
        rows.append(("tests", ", ".join(counts) or "none ran"))
    coverage = proposal.get("coverage") or {}
    if (covered := coverage.get("covered")) is not None:
        threshold = share(coverage.get("threshold", 0.0))
        rows.append(("coverage of new lines", f"{share(covered)} (wanted: {threshold})"))
    reviewers = proposal.get("reviewers", [])
    failed = [r for r in reviewers if r.get("status") != "done"]
    rows.append(("reviewers", f"{len(reviewers) - len(failed)} of {len(reviewers)} finished"))
    for one in failed:
        why = sanitise_line(one.get("reason", ""), 300)
        rows.append((f"reviewer {code(one.get('name', ''))}", f"❌ failed: {why}"))
    rounds = proposal.get("rounds", {})
    rows.append(("rounds", f"{rounds.get('used', 0)} of {rounds.get('limit', 0)} fix rounds"))
    usage = proposal.get("usage", {})
    spent = [duration(proposal.get("seconds", 0.0)), money(usage.get("cost_usd"))]
    spent += [f"{tokens_in(usage)}, {tokens(usage.get('output', 0))} out"]
    rows.append(("spent", " · ".join(spent)))
    rows.append(("sandbox", ", ".join(map(code, proposal.get("sandbox", []))) or "no code ran"))
    table = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["### Evidence", "", "| | |", "|---|---|", *table])


def _gate(gate: dict[str, object]) -> str:
    status = str(gate.get("status", ""))
    shown = f"{_GATES.get(status, '⚠️')} {sanitise_line(status.replace('_', ' '))}"
    summary = sanitise_line(str(gate.get("summary", "")), 300)
    return f"{shown}: {summary}" if summary else shown


def _findings(facts: PullTextParts) -> str:
    every = [Finding.model_validate(record) for record in facts.proposal.get("findings", [])]
    left = [
        f
        for f in every
        if f.severity is not Severity.NIT and f.status in {Status.OPEN, Status.UNRESOLVED}
    ]
    fixed = sum(f.status is Status.FIXED for f in every)
    nits = sum(f.severity is Severity.NIT and f.status is Status.OPEN for f in every)
    lines = [
        f"- {f.severity.mark} {code(f.where)} {sanitise_line(f.title, 300)}"
        for f in left[:_MOST_FINDINGS]
    ]
    if len(left) > len(lines):
        lines.append(f"- … and {counted(len(left) - len(lines), 'more finding')}")
    head = f"{tally(left)} remaining; {fixed} fixed, {counted(nits, 'nit')}"
    return "\n\n".join(["### Findings", head, *(["\n".join(lines)] if lines else [])])


def _files(facts: PullTextParts) -> str:
    protected = facts.proposal.get("protected", [])
    if not protected:
        return ""
    lines = [
        f"- {code(file['path'])} ({sanitise_line(file['kind'], 60)}): it "
        f"{sanitise_line(file['why'], 300)}"
        for file in protected[:_MOST_FILES]
    ]
    return "\n\n".join(["### Files that act on people or machines", "\n".join(lines)])


def _reviewers(facts: PullTextParts) -> str:
    if not facts.reviewers:
        return ""
    names = ", ".join(map(code, facts.reviewers))
    return f"### Suggested reviewers\n\n{names}, by the files that change."


def _notes(facts: PullTextParts) -> str:
    notes: Sequence[str] = (
        *facts.proposal.get("warnings", []),
        *facts.notes,
        *facts.description.notes,
    )
    return "\n".join(f"- {sanitise_line(note, 500)}" for note in notes[:30])


def is_test(path: str) -> bool:
    """Whether a file is a test, by its name."""
    return bool(re.search(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_|[._](test|spec)\.\w+$", path))


CODEOWNERS_PATHS = (
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
)  # the first that exists counts
MOST = 5  # people or teams suggested
_LARGEST = 3 * 1024 * 1024  # bytes; GitHub loads no larger file
_MOST_SEARCHED = 5  # files whose commits are looked at
_OWNER = regex(r"@([A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:/[A-Za-z0-9._-]{1,100})?)")


@dataclass(frozen=True)
class _Rule:
    fits: Callable[[str], bool]
    owners: tuple[str, ...]


def suggest_reviewers(
    paths: Sequence[str],
    read: Callable[[str], bytes | None],
    client: GitHub | None,
    *,
    ref: str,
    never: Iterable[str] = (),
) -> tuple[str, ...]:
    """Return logins and teams (`org/team`), the one with the most files first.

    `read` returns a file of the base commit `ref`. For files without an owner, the authors of
    commits are requested from GitHub if there is a client; a failure only means fewer suggestions.
    """
    rules = codeowners(read)
    excluded = {name.lower() for name in never}
    owned, orphans = Counter[str](), []
    for path in paths:
        owners = owners_of(rules, path)
        owned.update(owners or ())
        if not owners:
            orphans.append(path)
    authors = _authors(orphans, client, ref) if client else Counter[str]()
    ranked = [name for name, _ in owned.most_common()] + [name for name, _ in authors.most_common()]
    kept = [n for n in dict.fromkeys(ranked) if n.lower() not in excluded and not _is_bot(n)]
    return tuple(kept[:MOST])


def codeowners(read: Callable[[str], bytes | None]) -> tuple[_Rule, ...]:
    """Return the rules of the CODEOWNERS file that GitHub would use; empty without one."""
    for path in CODEOWNERS_PATHS:
        data = read(path)
        if data is not None:
            text = data.decode("utf-8", "replace") if len(data) < _LARGEST else ""
            return tuple(rule for line in text.splitlines() if (rule := _rule(line)))
    return ()


def owners_of(rules: Sequence[_Rule], path: str) -> tuple[str, ...]:
    """Return the owners of a file: those of the last rule that matches, which may name none."""
    for rule in reversed(rules):
        if rule.fits(path):
            return rule.owners
    return ()


def _rule(line: str) -> _Rule | None:
    """Parse a line; lines that GitHub skips as wrong (`!`, `[`), and e-mail addresses, are left
    out.
    """
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    words = re.split(r"(?<!\\)\s+", line) if line else []
    if not words or words[0].startswith("!") or "[" in words[0]:
        return None
    names = [found[1] for word in words[1:] if (found := _OWNER.fullmatch(word))]
    # As in .gitignore, only that `folder/*` matches one level.
    one_level = "/" in words[0].rstrip("/") and words[0].endswith("/*")
    folders: Folders = "named" if one_level else "all"
    pattern = words[0].replace("\\ ", " ")
    return _Rule(fits(pattern, case=True, rooted=True, folders=folders), tuple(names))


def _authors(paths: Sequence[str], client: GitHub, ref: str) -> Counter[str]:
    """Count the authors of the latest commits of some files, as far as GitHub knows their login."""
    counts: Counter[str] = Counter()
    for path in paths[:_MOST_SEARCHED]:
        try:
            found = client.ask("/commits", {"path": path, "sha": ref, "per_page": 10})
            logins = [_author(Fields(item, "commit")) for item in found]
        except GitHubError:
            return counts
        counts.update(login for login in logins if login)
    return counts


def _author(commit: Fields) -> str:
    """Return the login of a commit's author if it is a user, else ""."""
    if not commit.has("author") or not commit.inside("author").has("login"):
        return ""  # no account has this address; GitHub also answers {}
    login, is_bot = commit.author("author")
    return "" if is_bot else login


def _is_bot(login: str) -> bool:
    return login.endswith(("[bot]", "-bot"))


_MOST_READ = 20  # changed test files in which criteria are looked for


def parts_of(repository: Repository, seen: RunView, client: GitHub | None) -> PullTextParts:
    """Collect the parts of the text of a run's pull request."""
    proposal, base = seen.proposal, seen.record.base_commit
    spec, task = _spec_of(repository, seen)
    requirements = requirements_of(spec, task) if spec and task else TaskRequirements()
    paths = [file["path"] for file in proposal.get("files", [])]
    tree = seen.private.tree_of(base)
    names = suggest_reviewers(
        paths,
        lambda path: seen.private.read(tree, path),
        client,
        ref=base,
        never=(seen.record.approved_by, _me(client)),
    )
    return PullTextParts(
        seen.record.run_id,
        proposal,
        requirements,
        _named_in(seen, requirements, paths),
        names,
        changes=tuple(seen.record.options.get("changes", ())),
        description=description_of(repository, seen, spec),
    )


def _me(client: GitHub | None) -> str:
    """Return the author of the pull request, as far as the token may read it."""
    with contextlib.suppress(GitHubError):
        return client.me() if client else ""
    return ""


def _spec_of(repository: Repository, seen: RunView) -> tuple[Spec | None, Task | None]:
    """Return spec and task at the run's base; an untracked spec is read from disk."""
    record = seen.record
    if not record.task_id or not record.spec_path:
        return None, None
    reader = seen.private.reader(seen.private.tree_of(record.base_commit))
    for files in (TreeFiles(reader), DiskFiles(repository.user.root)):
        try:
            spec = open_spec(files, record.spec_path)
        except ReviewLoopError:
            continue
        task = next((one for one in spec.tasks if one.id == record.task_id), None)
        if task is not None:
            return spec, task
    return None, None


def _named_in(
    seen: RunView, requirements: TaskRequirements, paths: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Return the criteria whose ids appear in changed test files, each with the file."""
    found = []
    for path in [path for path in paths if is_test(path)][:_MOST_READ]:
        text = (seen.private.read(seen.proposal["tree"], path) or b"").decode("utf-8", "replace")
        for key, _ in requirements.criteria:
            if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w]|\.\d)", text):
                found.append((key, path))
    return tuple(found)
