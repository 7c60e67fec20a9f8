"""Parses zizmor's JSON, and finds the workflows that zizmor silently skipped."""

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from reviewloop.analysis.contract import MUST, NIT, SHOULD, Hit, Span
from reviewloop.analysis.tools.layout import Laid, LaidFile
from reviewloop.analysis.tools.readers.plain import number_at, parse_json, records, text_at
from reviewloop.analysis.tools.tool import ToolReading, UnusableOutput
from reviewloop.analysis.yaml_syntax import yaml_problem
from reviewloop.regex import regex

if TYPE_CHECKING:
    from reviewloop.analysis.tools.tool import ToolSession

Confidence = Literal["high", "medium", "low"]
_COMPLETED = regex(r"completed (\S+)")
_USES = regex(r"\buses:\s{0,4}[\"']?([^@\"'\s]{1,200})@")
_RELEASE = regex(
    r"\buses:\s{0,4}[\"']?(?:actions|github)/[^@\"'\s]{1,200}@v?\d[\w.]{0,40}[\"']?\s*(?:#|$)"
)
_SEVERITIES = {"High": MUST, "Medium": SHOULD, "Low": NIT, "Informational": NIT, "Unknown": NIT}
_CONFIDENCES: dict[str, Confidence] = {"High": "high", "Medium": "medium"}


def run_zizmor(session: "ToolSession") -> ToolReading:
    """Run on all files at once; files missing from the output are run one by one.

    Files that are no YAML, or give a key twice, are left out: our own check of syntax reports
    them. So are those in which everything is commented out.
    """
    sound = [
        one
        for one in session.laid.files
        if yaml_problem(one.file.text, unique_keys=True) is None
        and _COMMENTED_OUT.sub("", one.file.text).strip()
    ]
    if not sound:
        return ToolReading()
    for one in sound:
        _make_readable(one)
    return session.read_in_parts(session.laid.only(sound), lambda part: _once(session, part))


def _make_readable(one: LaidFile) -> None:
    """Write strategies that an expression computes so that zizmor reads them.

    GitHub takes such an expression; zizmor refuses the whole file.
    """
    text = one.text
    if "strategy: " not in text:
        return
    for start, end, value in reversed(_computed_strategies(text)):
        text = f"{text[:start]}{{matrix: {json.dumps(value, ensure_ascii=False)}}}{text[end:]}"
    if text != one.text:
        one.path.write_bytes(text.encode("utf-8", "replace"))


def _computed_strategies(text: str) -> list[tuple[int, int, str]]:
    """Return start, end and value of each job's strategy that is one expression."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return []
    found = []
    for job in _values(root, "jobs"):
        for _, described in job.value if isinstance(job, yaml.MappingNode) else ():
            for value in _values(described, "strategy"):
                one_line = value.start_mark.line == value.end_mark.line
                if (
                    isinstance(value, yaml.ScalarNode)
                    and value.value.startswith("${{")
                    and one_line
                ):
                    found.append((value.start_mark.index, value.end_mark.index, value.value))
    return found


def _values(node: Any, key: str) -> list[Any]:
    pairs = node.value if getattr(node, "id", "") == "mapping" else []
    return [value for name, value in pairs if name.value == key]


def _once(session: "ToolSession", laid: Laid) -> ToolReading:
    output = session.start(session.arguments(laid))
    messages = output.stderr.decode("utf-8", "replace")
    done = {found.path for named in _COMPLETED.findall(messages) if (found := laid.find(named))}
    if len(done) < len(laid.files):
        raise UnusableOutput("it was passed over")
    return read_zizmor(output.stdout, laid)


def read_zizmor(raw: bytes, laid: Laid) -> ToolReading:
    """Return the hits in zizmor's JSON, each at its primary location."""
    reading = ToolReading()
    for record in records(parse_json(raw)):
        locations = records(record, "locations")
        primary = [
            p for p in locations if text_at(p, "symbolic", "kind") == "Primary"
        ] or locations[:1]
        for where in primary[:1]:
            reading.hits.append(_hit(record, where, locations, laid))
    return reading


def _hit(
    record: dict[str, Any], where: dict[str, Any], locations: list[dict[str, Any]], laid: Laid
) -> Hit:
    one = laid.find(text_at(where, "symbolic", "key", "Local", "verbatim_path"))
    if one is None:
        raise UnusableOutput("it names a file that it was not given")
    determined = record.get("determinations")
    severity = _SEVERITIES.get(text_at(determined, "severity"), NIT)
    confidence = _CONFIDENCES.get(text_at(determined, "confidence"), "low")
    note = text_at(where, "symbolic", "annotation")
    span = _span(where, one)
    action = (
        _USES.search(one.file.lines[span.line - 1]) if span.line <= len(one.file.lines) else None
    )
    if severity is MUST and not _is_shown(text_at(record, "ident"), one, span):
        severity = SHOULD
    released = text_at(record, "ident") == "unpinned-uses" and _is_release(one, span.line)
    about = text_at(record, "desc")
    return Hit(
        rule=f"zizmor/{text_at(record, 'ident')}",
        path=one.file.path,
        span=span,
        message=f"{about[:1].upper()}{about[1:]}: {note}" if note else about,
        severity=NIT if (severity is SHOULD and confidence == "low") or released else severity,
        confidence=confidence,
        related=tuple(
            (_span(other, one), text_at(other, "symbolic", "annotation"))
            for other in locations
            if text_at(other, "symbolic", "kind") == "Related" and other is not where
        ),
        # Another version of an action that was used before is no new use of it.
        identity=action.group(1) if action else "",
    )


# Text that strangers write into a repository.
_WRITTEN_OUTSIDE = regex(
    r"github\.(?P<head>head_ref)|github\.event\.(?P<of>issue|pull_request|comment|review"
    r"|review_comment|discussion|pages|commits|head_commit|workflow_run)\b[\w.*\[\]'\"-]{0,80}"
    r"(?:title|body|message|email|name|label|ref|head_branch|description|page_name)\b"
    r"(?<!full_name)(?<!repo\.name)(?<!repository\.name)(?<!base\.ref)(?<!base\.label)"
)
# The triggers of such a text. That of `pull_request` alone starts a run of a fork without secrets
# and without the right to write, in which the fork's own workflow says what is run.
_TRIGGERS_OF = {
    "issue": {"issues", "issue_comment"},
    "pull_request": {"pull_request_target", "pull_request_review", "pull_request_review_comment"},
    "comment": {
        *("issue_comment", "pull_request_review_comment", "commit_comment", "discussion_comment"),
    },
    "review": {"pull_request_review"},
    "review_comment": {"pull_request_review_comment"},
    "discussion": {"discussion", "discussion_comment"},
    "pages": {"gollum"},
    "commits": {"push"},
    "head_commit": {"push"},
    "workflow_run": {"workflow_run"},
}
_HEAD = r"(?:github\.head_ref|pull_request\.head\.(?:sha|ref)|workflow_run\.head_(?:sha|branch))"
_TAKEN = r"(?:\bref:|\bgit )[^\n]*"
_STRANGERS_CODE = regex(rf"refs/pull/|gh pr checkout|{_TAKEN}{_HEAD}")
_COMMENTED_OUT = regex(r"^\s*#.*$", re.MULTILINE)
# Without one of these git only looks at a commit: its files are not written.
_WRITES_FILES = regex(
    r"\bgit\s(?:[^\n|;&]*\s)?(?:checkout|switch|worktree|pull|merge|rebase|reset|restore|cherry-pick"
    r"|apply|am|archive|show|cat-file|checkout-index|read-tree|submodule)\b"
)
_OF_GIT = regex(r"^.*\bgit\s.*$", re.MULTILINE)
_NAMED_HEAD = regex(rf"^\s*(\w+):[^\n]*{_HEAD}", re.MULTILINE)
# A workflow asks what the person may do who started it, or whether the code is its own.
_RIGHTS = regex(
    r"author_association|getCollaboratorPermissionLevel|collaborators/[^\n]{1,80}/permission"
    r"|(?:check|get)Membership\w*|check-user-permission|permission-check|action-check-permission"
    r"|head\.repo\.full_name\s*==|==\s*github\.event\.pull_request\.head\.repo\.full_name"
    r"|head\.repo\.fork\b|head_repository\.(?:full_name|fork)\b|workflow_run\.event\s*(?:==\s*'push'|!=\s*'pull_request')"
)
_READS_A_FILE = regex(
    r"\bcat\b|[^<]<\s*[\w./\"'$]|\$\(|`|\b(?:jq|yq|head|tail|grep|awk|sed)\b|\.[a-z]{2,4}\b\s*>>"
)
_TAKES_ARTIFACTS = regex(r"download-artifact|gh run download|listWorkflowRunArtifacts")


def _is_shown(ident: str, one: LaidFile, span: Span) -> bool:
    """Whether the lines show control by strangers, for rules that are critical only then."""
    if ident == "template-injection":
        lines = one.file.lines[span.line - 1 : (span.end_line or span.line)]
        return _is_written_outside("\n".join(lines), one)
    if ident == "dangerous-triggers":
        return _takes_code(one.file.text)
    if ident == "github-env":
        step = _step_around(one, span)
        if one.file.language == "github-action":
            return _GIVEN.search(step) is not None
        whole = _COMMENTED_OUT.sub("", one.file.text)
        taken = _takes_code(one.file.text) or _TAKES_ARTIFACTS.search(whole)
        reads = taken and _READS_A_FILE.search(step)
        return bool(reads) or _is_written_outside(step, one)
    return True


def _is_written_outside(text: str, one: LaidFile) -> bool:
    """Whether a text contains what strangers write, in runs that have secrets or rights."""
    triggers = _triggers(one.file.text) if one.file.language == "github-workflow" else set()
    called = not triggers or "workflow_call" in triggers
    return any(
        called or triggers & _TRIGGERS_OF["pull_request" if found["head"] else found["of"]]
        for found in _WRITTEN_OUTSIDE.finditer(text)
    )


def _triggers(text: str) -> set[str]:
    """Return the names of a workflow's triggers; none if they cannot be read."""
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return set()
    found: set[str] = set()
    for given in _values(root, "on"):
        if isinstance(given, yaml.ScalarNode):
            found.add(given.value)
        elif isinstance(given, yaml.SequenceNode):
            found.update(str(name.value) for name in given.value)
        elif isinstance(given, yaml.MappingNode):
            found.update(str(name.value) for name, _ in given.value)
    return found


_GIVEN = regex(rf"\binputs\.|{_WRITTEN_OUTSIDE.pattern}")
_BEGINS = regex(r"(\s*)- ")


def _step_around(one: LaidFile, span: Span) -> str:
    """Return the lines of the step that a place is in."""
    lines = one.file.lines
    first = min(span.line, len(lines)) - 1
    while first > 0 and not _BEGINS.match(lines[first]):
        first -= 1
    begun = _BEGINS.match(lines[first])
    last = first + 1
    while begun and last < len(lines):
        width = len(lines[last]) - len(lines[last].lstrip())
        if lines[last].strip() and width <= len(begun.group(1)):
            break
        last += 1
    return "\n".join(lines[first : max(last, span.end_line)])


# The code that a run after another one takes: in it the other kinds name nothing.
_AFTER_A_RUN = regex(r"workflow_run\.(?:head_|pull_requests)|gh pr checkout")
_OF_STRANGERS = frozenset({"pull_request_target", "issue_comment"})


def _takes_code(text: str) -> bool:
    """Whether a workflow checks out untrusted code, named by a variable or not.

    What is taken after a question about somebody's rights is trusted.
    """
    text = _COMMENTED_OUT.sub("", text)
    if not _WRITES_FILES.search(text):
        text = _OF_GIT.sub("", text)
    triggers = _triggers(text)
    named = (found for found in _NAMED_HEAD.finditer(text) if found.group(1) != "ref")
    patterns = [_STRANGERS_CODE.pattern]
    if "workflow_run" in triggers and not triggers & _OF_STRANGERS:
        named = (found for found in named if _AFTER_A_RUN.search(found.group()))
        patterns = [rf"(?:{_TAKEN}){_AFTER_A_RUN.pattern}|gh pr checkout"]
    patterns += [rf"{_TAKEN}\b{name}\b" for name in sorted({found.group(1) for found in named})]
    taken = (re.search(pattern, text) for pattern in patterns)
    starts = [found.start() for found in taken if found is not None]
    checked = _RIGHTS.search(text)
    return bool(starts) and (checked is None or checked.start() > min(starts))


def _is_release(one: LaidFile, line: int) -> bool:
    """Whether a line uses a released action of the maker of the runner."""
    lines = one.file.lines
    return line <= len(lines) and _RELEASE.search(lines[line - 1]) is not None


def _span(where: dict[str, Any], one: LaidFile) -> Span:
    location = where.get("concrete", {})
    line = number_at(location, "location", "start_point", "row") + 1
    end = number_at(location, "location", "end_point", "row") + 1
    end_offset = number_at(location, "location", "end_point", "column")
    if end > line and end_offset == 0:
        end, end_offset = end - 1, 1 << 30  # up to the end of the line before
    offset = number_at(location, "location", "start_point", "column")
    return one.span(line, end, one.characters(line, offset), one.characters(end, end_offset))
