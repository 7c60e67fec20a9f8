"""Quiet rules: kinds of findings that users dismissed, in a file that they review.

A quiet rule names a rule and the files in which it is not reported. It never covers a finding that
must be fixed, nor a rule that no reviewer may reject.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from reviewloop.analysis.rule_book import rule_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Severity
from reviewloop.domain.globs import PatternError, matcher

QUIET_FILE = ".reviewloop/quiet.toml"
_LARGEST = 200_000  # bytes
_HEAD = """\
# What reviews do not report, because people dismissed it: `reviewloop quiet` proposes and replays.
# A finding that must be fixed is always reported. `reviewloop quiet drop ID` takes a rule back.
"""


@dataclass(frozen=True)
class QuietRule:
    """A rule that is not reported in these files, the reason, and its evidence."""

    rule: str
    paths: tuple[str, ...]
    reason: str
    evidence: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its id, the same for the same rule and files."""
        return hashlib.sha256("\0".join((self.rule, *self.paths)).encode()).hexdigest()[:8]

    def covers(self, rule: str, path: str, severity: Severity) -> bool:
        """Return whether such a finding is not reported."""
        if rule != self.rule or severity is Severity.MUST_FIX:
            return False
        return matcher(self.paths)(path) is not None


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    rule: str
    paths: list[str]
    reason: str
    evidence: list[str] = []


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    quiet: list[_Entry] = []


_READER = TypeAdapter(_File)


def read_quiet(data: bytes | None, path: str = QUIET_FILE) -> tuple[QuietRule, ...]:
    """Return the rules of a file, none for no file; raise `UsageError` for an invalid one."""
    if data is None:
        return ()
    if len(data) > _LARGEST:
        raise UsageError(f"{path} has {len(data):,} bytes; at most {_LARGEST:,} are read")
    try:
        found = _READER.validate_python(tomllib.loads(data.decode("utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {where}: {first['msg']}; correct it") from None
    except ValueError as error:  # not TOML, not UTF-8
        raise UsageError(f"{path} is no TOML ({error}); correct it") from None
    return tuple(_checked(entry, path) for entry in found.quiet)


def _checked(entry: _Entry, path: str) -> QuietRule:
    made = QuietRule(entry.rule, tuple(entry.paths), entry.reason.strip(), tuple(entry.evidence))
    rule = rule_of(made.rule)
    problem = ""
    if not made.paths or not made.reason:
        problem = "a quiet rule needs paths and a reason"
    elif rule is not None and (rule.hard or rule.severity is Severity.MUST_FIX):
        problem = f"{made.rule} is always reported; take it out"
    else:
        try:
            made.covers(made.rule, "a", Severity.NIT)
        except PatternError as error:
            problem = f"paths {', '.join(made.paths)}: a pattern {error}"
    if problem:
        raise UsageError(f"{path}: {made.rule or 'a rule without a name'}: {problem}")
    return made


def write_quiet(rules: Iterable[QuietRule], head: str = _HEAD) -> bytes:
    """Return the content of a file with these rules, in a stable order."""
    parts = [head]
    for one in sorted(rules, key=lambda each: (each.rule, each.paths)):
        evidence = "".join(f"  {_text(line)},\n" for line in one.evidence)
        parts.append(
            f"# {one.id}\n[[quiet]]\nrule = {_text(one.rule)}\n"
            f"paths = [{', '.join(map(_text, one.paths))}]\n"
            f"reason = {_text(one.reason)}\nevidence = [\n{evidence}]\n"
        )
    return "\n".join(parts).encode("utf-8", "replace")


def _text(value: str) -> str:
    return json.dumps(value.replace("\x7f", " "), ensure_ascii=False)
