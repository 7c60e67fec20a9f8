"""The summary comment of a review: verdict, findings and coverage, in few parts."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from reviewloop.analysis.contract import AnalyserStatus
from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.github.api.answers import IssueComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, NotFound
from reviewloop.github.api.model import Posted, PullRequest
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import (
    LONGEST,
    break_marks,
    clip_body,
    code,
    headline,
    remark_parts,
    rule_words,
    sanitise_line,
)
from reviewloop.github.comments.marker import ANY, is_ours
from reviewloop.regex import regex
from reviewloop.render.code_view import shown_path, visible
from reviewloop.render.report import Readership, ReviewReport
from reviewloop.render.review_words import (
    PLACEMENT_NOTES,
    Rules,
    added_lines,
    counted_reason,
    failures,
    found_words,
    in_order,
    left_out,
    missed_words,
    no_rules,
    of_status,
    outcome_sentence,
    read_words,
    severity_label,
    share_words,
    silencing_reason,
    skipped_by_reason,
    tally,
    unlisted_words,
    who,
)
from reviewloop.render.rules import rule_link
from reviewloop.render.text import all_tokens, cached_share, counted, duration, money, share, tokens
from reviewloop.render.untrusted import fenced, language, link

_FILES_SHOWN = 150  # of the files read, and of those left out for one reason
_LONGEST_PATH = 150


def spent(report: ReviewReport) -> str:
    """Return time, tokens and money of a review in words."""
    used = all_tokens(report.usage)
    if report.model == "none" or not used:
        return f"{duration(report.seconds)}, no model was asked"
    about = "about " if report.usage.get("estimated") else ""
    cost = money(report.usage.get("cost_usd"))
    cached = share(cached_share(report.usage))
    from_cache = f" ({cached} of the input cached)" if report.usage.get("cache_read") else ""
    return f"{duration(report.seconds)}, {about}{tokens(used)} tokens{from_cache}, {cost}"


def coverage(report: ReviewReport) -> Iterator[str]:
    """Yield the folded blocks on coverage; none when there was nothing to review at all."""
    if not report.reviewed and not report.skipped and not report.notes:
        return
    yield _folded_coverage("How this was reviewed", _how(report))
    read = [f"- {_name(file.path)}" for file in report.reviewed]
    if report.readership and not report.readership.plain:
        yield from _read_by_models(report.readership)
    if read:
        yield _folded_coverage(f"Reviewed: {counted(len(read), 'file')}", _some(read))
    for reason, files in skipped_by_reason(report):
        names = [f"- {_name(file.path)}" for file in files]
        title = f"Skipped: {counted(len(files), 'file')}, {sanitise_line(reason)}"
        yield _folded_coverage(title, _some(names))


def _read_by_models(read: Readership) -> Iterator[str]:
    """Yield which files models read, in which parts, and who did not; unread files first."""
    lines = [f"- {sanitise_line(line)}" for line in missed_words(read)]
    lines += ["", "| file | read | by |", "|---|---|--:|"]
    everybody = max((len(part.by) + len(part.missed) for part in read.parts), default=0)
    rows = [
        f"| {_cell(_name(file.path))} | {sanitise_line(share_words(file))} "
        f"| {len(file.by)} of {everybody} |"
        for file in sorted(read.files, key=lambda file: file.read)
    ]
    if len(rows) > _FILES_SHOWN:
        rows[_FILES_SHOWN:] = [f"| … and {len(rows) - _FILES_SHOWN} more | | |"]
    yield _folded_coverage(f"Models read: {sanitise_line(read_words(read))}", [*lines, *rows])


def _cell(text: str) -> str:
    """Return inline code that ends no cell of a table."""
    return text.replace("|", "\\|")


def _how(report: ReviewReport) -> list[str]:
    lines = ["| reviewer | status | findings | time | tokens | cost |", "|---|---|--:|--:|--:|--:|"]
    for agent in report.agents:
        used = all_tokens(agent.tokens)
        cost = money(agent.cost_usd) if used else ""
        found = found_words(report, agent)
        cells = (sanitise_line(agent.name), agent.status, found, duration(agent.seconds))
        lines.append(f"| {' | '.join(map(str, cells))} | {tokens(used) if used else ''} | {cost} |")
    lines.append("")
    if report.skipped:
        reasons = ", ".join(
            counted_reason(len(files), sanitise_line(reason))
            for reason, files in skipped_by_reason(report)
        )
        lines.append(f"- Skipped: {counted(len(report.skipped), 'file')} ({reasons})")
    for label, status in (
        ("Analysers", AnalyserStatus.DONE),
        ("Not installed", AnalyserStatus.MISSING),
        ("Not checked", AnalyserStatus.NOT_CHECKED),
    ):
        names = [code(f"{one.name} {one.version}") for one in of_status(report, status)]
        lines += [f"- {label}: {', '.join(names)}"] if names else []
    if report.model != "none":
        lines.append(f"- Model: {code(report.model)}")
    if report.below:
        lines.append(f"- Not listed: {unlisted_words(report)} below `min_severity`")
    return lines + [f"- {sanitise_line(note)}" for note in report.notes]


def _name(path: str) -> str:
    shown = shown_path(path)
    return code(shown if len(shown) <= _LONGEST_PATH else f"…{shown[1 - _LONGEST_PATH :]}")


def _some(lines: Sequence[str]) -> list[str]:
    if len(lines) <= _FILES_SHOWN:
        return list(lines)
    return [*lines[:_FILES_SHOWN], f"- … and {len(lines) - _FILES_SHOWN} more"]


def _folded_coverage(title: str, lines: Sequence[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


LONGEST_BLOCK = 30_000  # characters; with a head and the longest marker it still fits
_MOST_PARTS = 10
_LIMIT = 65_536  # GitHub's own
_TRIES = 3
_PART = regex(r"<!-- reviewloop:summary (\d{1,3}) -->")
_STATE = f"{ANY}state:"

Block = tuple[str, int]
"""A piece of Markdown that stays together, and the number of findings in it."""


def split_into_comments(head: str, blocks: Iterable[Block], state_marker: str = "") -> list[str]:
    """Return the bodies of the comments, each at most `LONGEST` characters, the marker first.

    What exceeds ten comments is counted instead of listed.
    """
    mark = f"{state_marker}\n" if state_marker else ""
    parts = [f"{mark}{_mark(1)}\n{clip_body(head, LONGEST_BLOCK)}"]
    room = LONGEST - 300  # for the closing sentence
    left = 0
    for text, findings in blocks:
        text = clip_body(text, LONGEST_BLOCK)
        if len(parts[-1]) + len(text) + 2 > room:
            if left or len(parts) == _MOST_PARTS:
                left += findings
                continue
            number = len(parts) + 1
            parts.append(f"{_mark(number)}\n_reviewloop: the summary goes on, part {number}._")
        if left:
            left += findings
        else:
            parts[-1] += f"\n\n{text}"
    if left:
        more = counted(left, "more finding")
        parts[-1] += f"\n\n_… and {more}, which do not fit here: the report of the run has them._"
    return parts


def upsert(
    client: GitHub,
    pull: PullRequest,
    parts: Sequence[str],
    mine: Sequence[IssueComment],
    *,
    pace: Pace | None = None,
) -> tuple[IssueComment, ...]:
    """Update the summary and return its comments; parts that are no longer needed are deleted.

    `mine` are our own comments on the pull request. Raise a GitHubError when it fails.
    """
    work = _Upsert(client, pull.number, pace or Pace())
    old = parts_in(mine)
    if 1 not in old:
        # Another run may have posted it during this review.
        old = parts_in(work.ours())
    made = [
        work.written(number, clip_body(body, _LIMIT), old.get(number, [None])[0])
        for number, body in enumerate(parts, 1)
    ]
    kept = {comment.id for comment in made}
    for comment in (each for some in old.values() for each in some):
        if comment.id not in kept:
            client.delete_issue_comment(comment.id)
    return tuple(made)


def parts_in(comments: Iterable[IssueComment]) -> dict[int, list[IssueComment]]:
    """Return the comments of a summary by the number of their part, the oldest first."""
    found: dict[int, list[IssueComment]] = {}
    for comment in sorted(comments, key=lambda each: each.id):
        if number := _number(comment.body):
            found.setdefault(number, []).append(comment)
    return found


class _Upsert:
    def __init__(self, client: GitHub, number: int, pace: Pace) -> None:
        self._client, self._number, self._pace = client, number, pace

    def ours(self) -> list[IssueComment]:
        """Return our current comments."""
        me = self._client.me()
        return [c for c in self._client.issue_comments(self._number) if is_ours(c, me)]

    def written(self, number: int, body: str, old: IssueComment | None) -> IssueComment:
        """Write a part and return its comment."""
        if old is None:
            return self._created(number, body)
        if _same(old.body, body):
            return old
        self._pace.wait()
        try:
            return self._client.update_issue_comment(old.id, body)
        except NotFound:  # deleted meanwhile
            return self._created(number, body)

    def _created(self, number: int, body: str) -> IssueComment:
        for attempt in range(1, _TRIES + 1):
            self._pace.wait()
            try:
                return self._client.create_issue_comment(self._number, body)
            except AnswerLost:
                self._pace.sleep(2.0 * attempt)
                there = [c for c in self.ours() if _same(c.body, body)]
                if there:
                    return there[0]
                if attempt == _TRIES:
                    raise
        raise AssertionError


def _mark(number: int) -> str:
    return f"<!-- reviewloop:summary {number} -->"


def _number(body: str) -> int:
    """Return the number of the summary's part in a comment of ours, 0 for none."""
    lines = [line.strip() for line in body.strip().splitlines()[:2]]
    if found := next((match for line in lines if (match := _PART.fullmatch(line))), None):
        return int(found[1])
    return int(bool(lines) and lines[0].startswith(_STATE))


def _same(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


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
    commented: Collection[str] = (),
    earlier: Sequence[Severity] = (),
    failing: Sequence[Severity] | None = None,
    dismissed: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    rules: Rules = no_rules,
    rendered: Callable[[str], str] = str,
) -> list[str]:
    """Return the bodies of the summary's comments, the first with the marker.

    Every finding of the report without a comment on the diff is listed here; those with one are
    posted, known, or in `commented` (fingerprints). `earlier` are open findings that this report
    lacks, `failing` those of them that may fail it (all by default). `dismissed` maps fingerprints,
    which do not count as open, to who dismissed them and why. `names` has a line of Markdown for
    each finding that this report lacks. `rendered` redacts the texts.
    """
    dismissed, names = dismissed or {}, names or {}
    on_diff = {*posted.inline, *posted.on_file, *posted.known, *commented}
    open_ = [finding for finding in report.findings if finding.id not in dismissed]
    here = [finding for finding in open_ if finding.id not in on_diff]
    head = _head(report, open_, earlier, earlier if failing is None else failing, pull, run_url)
    blocks: list[Block] = [*_locations(open_, here, posted), *_remarks(posted, notes)]
    blocks += _listed(here, rules)
    blocks += _before([line for name, line in names.items() if name not in dismissed])
    blocks += _not_open(report, dismissed, names, rules)
    blocks += [(text, 0) for text in coverage(report)]
    shown = [(rendered(text), findings) for text, findings in blocks]
    return split_into_comments(rendered(head), shown, state_marker)


def severity_marks(severities: Iterable[Severity]) -> str:
    """Return how many findings have each severity, "" for none."""
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
    lines.append(sanitise_line(_verdict(report, open_, earlier, failing)))
    if worst := _must_fix(open_):
        lines.append(worst)
    failed = failures(report)
    if failed:
        lines.append("\n".join(f"- ❌ {code(name)}: {sanitise_line(why)}" for name, why in failed))
    files = f"{counted(len(report.reviewed), 'file')}, {counted(added_lines(report), 'new line')}"
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    where = f"{code(pull.head_sha[:7])} against {code(pull.base_ref)} ({code(pull.base_sha[:7])})"
    page = f" · {link('run', run_url)}" if run_url else ""
    lines.append(f"Reviewed {where}: {files}{skipped} · {spent(report)}{page}")
    return "\n\n".join(lines)


def _must_fix(open_: Sequence[Finding]) -> str:
    """Return the must-fix findings by location and title: an e-mail may show nothing below them."""
    must = [finding for finding in in_order(open_) if finding.severity is Severity.MUST_FIX]
    lines = [
        f"- {finding.severity.mark} {code(_location(finding)) or 'the change as a whole'}: "
        f"{sanitise_line(finding.title, _LONGEST_LINE)}"
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
    """Return the verdict in one sentence; it counts open findings of the pull request."""
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


def _locations(
    open_: Sequence[Finding], here: Sequence[Finding], posted: Posted
) -> Iterator[Block]:
    """Yield the locations of the findings, as one line."""
    if not open_:
        return
    elsewhere = len(open_) - len(here) - len(posted.inline) - len(posted.on_file)
    counts = {
        "new on lines": len(posted.inline),
        "new on files": len(posted.on_file),
        "on the diff already": max(0, elsewhere),
        "below": len(here),
    }
    yield "Where: " + ", ".join(f"{n} {label}" for label, n in counts.items() if n) + ".", 0


def _remarks(posted: Posted, notes: Sequence[str]) -> Iterator[Block]:
    lines = [f"- ⚠️ {sanitise_line(problem)}" for problem in posted.problems]
    lines += [f"- {sanitise_line(note)}" for note in notes]
    for text in _chunks(lines):
        yield text, 0


def _listed(here: Sequence[Finding], rules: Rules) -> Iterator[Block]:
    """Yield the findings that appear nowhere else, most important first."""
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
        f"- {names.get(name) or code(name)}: {sanitise_line(why)}"
        for name, why in dismissed.items()
    ]
    silenced = [finding for finding in report.silenced if finding.id not in dismissed]
    lines += [
        f"{_short(finding, rules)}: {sanitise_line(silencing_reason(finding))}"
        for finding in in_order(silenced)
    ]
    if len(lines) > _SILENCED_SHOWN:
        lines[_SILENCED_SHOWN:] = [f"- … and {len(lines) - _SILENCED_SHOWN} more"]
    title = f"Silenced or dismissed: {counted(len(dismissed) + len(silenced), 'finding')}"
    for text, _ in _folded(title, lines):
        yield text, 0


def _whole(finding: Finding, rules: Rules) -> str:
    parts = [f"### {headline(finding)}", _origin(finding, rules, sanitise_line(who(finding)))]
    quoted = finding.quote.strip("\n").split("\n")[:_QUOTED_LINES] if finding.line else []
    if any(line.strip() for line in quoted):
        lines = [break_marks(visible(line[:_LONGEST_LINE])) for line in quoted]
        parts.append(fenced(lines, language(finding.path)))
    return "\n\n".join([*parts, *remark_parts(finding)])


def _short(finding: Finding, rules: Rules, *, why: bool = False) -> str:
    detail = f": {sanitise_line(finding.why, 600)}" if why and finding.why.strip() else ""
    mark = finding.severity.mark if why else ""
    title = f"{sanitise_line(finding.title)}{detail}"
    return " ".join(filter(None, ("-", mark, _origin(finding, rules, title))))


def _origin(finding: Finding, rules: Rules, text: str) -> str:
    """Return location, text, rule and fingerprint."""
    rule = rule_words(finding, rule_link(finding, rules))
    where = code(_location(finding)) or "the change as a whole"
    return " · ".join(filter(None, (where, text, rule, code(finding.id))))


def _location(finding: Finding) -> str:
    path = shown_path(finding.path)[:_LONGEST_LINE]
    known = finding.line is not None and finding.placement is not Placement.UNANCHORED
    if not path or not known:
        return path
    end = finding.end_line or 0
    return f"{path}:{finding.line}" + (f"–{end}" if end > (finding.line or 0) else "")


def _folded(title: str, lines: Sequence[str], note: str = "") -> Iterator[Block]:
    """Yield a folded list, in as many blocks as its length needs."""
    if not lines:
        return
    above = f"{note}\n\n" if note else ""
    for number, text in enumerate(_chunks(lines)):
        name = title if number == 0 else f"{title} (continued)"
        block = f"<details><summary>{name}</summary>\n\n{above}{text}\n\n</details>"
        yield block, text.count("\n") + 1


def _chunks(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines together, at most as many as fit one block with its frame."""
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
