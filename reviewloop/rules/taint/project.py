"""Follows imports: modules of the repository, read on first use."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from reviewloop.analysis.contract import Elsewhere, Hit, PathClass, Rule, SourceFile, Span, Tree
from reviewloop.analysis.languages import path_class
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.catalogue import rule
from reviewloop.rules.taint.values import (
    ClassInfo,
    Depth,
    Env,
    Found,
    FoundKey,
    FunctionInfo,
    LineIndex,
    Location,
    Machine,
    Query,
    Value,
)

_MOST_FILES = 120  # most files to read beside those under review
_MOST_BYTES = 3_000_000  # together
_LARGEST = 400_000  # one of them
_MOST_LEVELS = 2  # imports between a file under review (or its caller) and the followed file
_MOST_CALLS = 5  # between two ends of a reported flow
_MOST_CALLS_SURE, _MOST_FILES_SURE = 3, 3  # of a must-fix flow
_MOST_PARTS = 16  # of a dotted name; longer ones come from imports in a circle
_MOST_CALLERS = 12  # most importers of reviewed files to analyse as well


@dataclass
class Module:
    """One file of the project: its pass, and its top-level definitions."""

    path: str
    machine: Machine
    env: Env
    level: int  # imports between it and a file under review
    locations: LineIndex
    exports: dict[str, Value] = field(default_factory=dict)


class FrontEnd(Protocol):
    """The interface of a language's front end."""

    def has_source(self, file: SourceFile) -> bool:
        """Whether outside data can enter in a file."""

    def may_be_called(self, file: SourceFile) -> bool:
        """Whether a file has a sink that callers' arguments can reach."""

    def ends_flows(self, text: str) -> bool:
        """Whether a file at the limit of following can be either end of a flow."""

    def load(self, project: Project, path: str, text: str, level: int) -> Module:
        """Read a file and run its top level."""

    def run(self, module: Module) -> None:
        """Analyse every function of a file."""

    def find(self, module: Module, dotted: str, paths: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield files that may define an imported name, each with the rest of the name."""

    def export(self, project: Project, module: Module, name: str) -> Value | None:
        """Return the value of a name that a file exports."""

    def callers(self, file: SourceFile) -> Sequence[str]:
        """Return texts, one of which is in each line that imports a file."""

    def hit(self, found: Found) -> Hit:
        """Return the hit for a flow, without its locations."""


@dataclass
class Project:
    """The files of one version through which a review follows data."""

    front: FrontEnd
    tree: Tree
    files: Sequence[SourceFile]
    modules: dict[str, Module | None] = field(default_factory=dict)
    found: dict[FoundKey, Found] = field(default_factory=dict)
    depth: Depth = field(default_factory=Depth)
    repeated: dict[Location, Query] = field(default_factory=dict)  # queries, by the call in a loop
    left_out: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Exception] = field(default_factory=dict)
    packages: dict[str, object] = field(default_factory=dict)  # shared definitions, by folder
    values: dict[tuple[str, str, str], Value | None] = field(default_factory=dict)
    calling: dict[str, None] = field(default_factory=dict)  # callers of files under review
    size: int = 0
    done: bool = False

    @property
    def paths(self) -> frozenset[str]:
        """Every path that may be imported."""
        known = self.tree.paths()
        return known if isinstance(known, frozenset) else frozenset(known)

    @cached_property
    def reviewed(self) -> frozenset[str]:
        """The paths of the files under review."""
        return frozenset(file.path for file in self.files)

    def hits(self, file: SourceFile) -> Iterator[Hit]:
        """Yield the flows to report for a file under review."""
        self._examine()
        if file.path in self.broken:
            raise self.broken[file.path]
        changed = {each.path: each for each in self.files}
        reported: set[tuple[str, Location]] = set()
        around: dict[tuple[str, str, int], list[Found]] = {}
        order = sorted(self.found.values(), key=lambda one: (len(one.via), one.path, one.start))
        for flow in sorted(order, key=lambda one: (not one.sure, one.rule)):
            location = self._location(flow, file, changed)
            if location is None or (flow.rule, location) in reported or len(flow.via) > _MOST_CALLS:
                continue
            # `execute(text(sql))` is one harm: the call around it begins and ends with it.
            beside = around.setdefault(
                (flow.rule, flow.path, self.span(flow.locations[0]).line), []
            )
            if any(_overlap(flow, other) for other in beside):
                continue
            beside.append(flow)
            reported.add((flow.rule, location))
            yield self._hit(self._rated(flow), location)
        for call, query in self.repeated.items():
            if call.path == file.path:
                yield self._hit_of_query(query, call)

    def _rated(self, flow: Found) -> Found:
        """Lower the confidence of a flow that a check may stop which is not seen here."""
        files = len({location.path for location in flow.locations})
        far = files > _MOST_FILES_SURE or (files > 1 and len(flow.via) > _MOST_CALLS_SURE)
        return flow._replace(sure=False) if far or _may_be_checked(flow) else flow

    def _examine(self) -> None:
        if self.done:
            return
        self.done = True
        for file in self.files:
            if self.front.has_source(file) or _may_repeat(file):
                self._run(file.path, file.text)
        for path in self._callers():
            text = self.tree.read(path)
            if text is not None and len(text) <= _LARGEST:
                file = SourceFile(path, text)
                if self.front.has_source(file):
                    self._run(path, text, 1)
        if self.left_out:
            count = self.left_out.total()
            calls = "call" if count == 1 else "calls"
            self.tree.note(f"{count} {calls} into other files not followed")

    def _run(self, path: str, text: str, level: int = 0) -> None:
        try:
            module = self._load(path, text, level)
            self.front.run(module)
        except RecursionError:
            self.left_out[path] += 1
        except Exception as error:  # noqa: BLE001 - reported when the file itself is analysed
            self.broken[path] = error

    def _load(self, path: str, text: str, level: int) -> Module:
        known = self.modules.get(path)
        if known is not None:
            known.level = min(known.level, level)
            return known
        module = self.front.load(self, path, text, level)
        return module

    def _hands_on(self, file: SourceFile) -> bool:
        """Whether a function of a file has a sink for its arguments, or returns outside data."""
        if not self.front.may_be_called(file):
            return False
        if file.path not in self.modules:
            self._run(file.path, file.text)
        module = self.modules.get(file.path)
        return module is not None and any(
            info.summary is not None and (info.summary.reached or _carries(info.summary.returns))
            for info in module.machine.known
        )

    def _callers(self) -> list[str]:
        """Return product files that import a reviewed one, directly or not."""
        own = self.reviewed
        found = self.calling
        pending = [file for file in self.files if self._hands_on(file)]
        for _ in range(_MOST_LEVELS):
            words = [word for file in pending for word in self.front.callers(file)]
            pending = []
            for path, _, line in self.tree.search(words[:200]) if words else ():
                if path in own or path in found or len(found) >= _MOST_CALLERS:
                    continue
                if not re.search(r"import|require|from", line) and not path.endswith(".go"):
                    continue
                if path_class(path) is not PathClass.PRODUCT:
                    continue
                text = self.tree.read(path)
                if text is None or len(text) > _LARGEST:
                    continue
                found[path] = None
                file = SourceFile(path, text)
                if not self.front.has_source(file):
                    pending.append(file)
        return list(found)

    def module(self, path: str, level: int) -> Module | None:
        """Return an imported file, None if it is missing or over the limit."""
        known = self.modules.get(path)
        if known is not None:
            return known
        if path in self.modules:
            return None
        if path not in self.paths:
            return None
        self.modules[path] = None
        text = next((file.text for file in self.files if file.path == path), None)
        if text is None:
            text = self.tree.read(path)
        if text is None:
            return None
        too_much = self.size + len(text) > _MOST_BYTES or len(self.modules) > _MOST_FILES
        if level > _MOST_LEVELS or len(text) > _LARGEST or too_much:
            if level > _MOST_LEVELS:
                del self.modules[path]  # it may be nearer to another file
            self.left_out[path] += 1
            return None
        if level == _MOST_LEVELS and not self.front.ends_flows(text):
            return None
        self.size += len(text)
        return self._load(path, text, level)

    def value(self, path: str, dotted: str, starred: str = "") -> Value | None:
        """Return the value of a name that a file imports.

        `starred` is the end of `dotted` if that is a name from an import of everything: it is
        defined in the very file that is imported so, and not somewhere in the package around it.
        """
        if dotted.count(".") > _MOST_PARTS:
            return None
        key = (path, dotted, starred)
        if key not in self.values:
            self.values[key] = None  # a circular import has no definitions yet
            self.values[key] = self._value(path, dotted, starred)
        return self.values[key]

    def _value(self, path: str, dotted: str, starred: str) -> Value | None:
        importer = self.modules.get(path)
        if importer is None:
            return None
        for file, rest in self.front.find(importer, dotted, self.paths):
            if starred and len(rest) > len(starred):
                continue  # files that import everything of each other would never end
            if path in self.calling and file not in self.calling and file not in self.reviewed:
                continue  # from a caller only imports that lead back to the change are followed
            module = self.module(file, importer.level + (file != path))
            if module is None:
                continue
            found = self.front.export(self, module, rest)
            if found is not None:
                return found
        return None

    def _location(
        self, flow: Found, file: SourceFile, changed: dict[str, SourceFile]
    ) -> Location | None:
        """Return the location to report a flow in a file, None if it belongs to another file or to
        none.

        It is the location of the change that is nearest to the sink; without one, the nearest to
        the sink. In the base version every file reports the flows through it.
        """
        mine = next((location for location in flow.locations if location.path == file.path), None)
        if mine is None or self.tree.base:
            return mine
        candidates = [location for location in flow.locations if location.path in changed]
        touched = [p for p in candidates if self._touched(p, changed[p.path])]
        owner = (touched or candidates)[0]
        return mine if owner.path == file.path else None

    def _hit_of_query(self, query: Query, call: Location) -> Hit:
        """Return the hit for a call in a loop, behind which is a query."""
        family = _FAMILIES.get(posixpath.splitext(call.path)[1], "js")
        page = rule(f"{family}/query-behind-call")
        where = f"{query.at.path}:{self.span(query.at).line}"
        message = f"`{query.called}()` queries the database ({where}), once for every element here."
        steps = [
            (query.at, "the query"),
            *((each, "a call on the way") for each in query.calls[:-1]),
        ]
        return Hit(
            page.id,
            call.path,
            self.span(call),
            message,
            Severity.NIT if query.writes else page.severity,
            related=tuple((self.span(at), how) for at, how in steps if at.path == call.path),
            elsewhere=tuple(
                Elsewhere(at.path, self.span(at), how) for at, how in steps if at.path != call.path
            ),
        )

    def _touched(self, location: Location, file: SourceFile) -> bool:
        span = self.span(location)
        return file.touched(span.line, span.end_line)

    def span(self, location: Location) -> Span:
        """Return the lines and columns of a location."""
        module = self.modules.get(location.path)
        if module is None:
            return Span(1, 1)
        return module.locations.span(location.start, location.end)

    def _hit(self, flow: Found, location: Location) -> Hit:
        hit = self.front.hit(flow)
        related: list[tuple[Span, str]] = []
        elsewhere: list[Elsewhere] = []
        across = any(each.path != location.path for each in flow.locations)
        for number, each in enumerate(flow.locations):
            last = number == len(flow.locations) - 1 and flow.origin is not None
            if not last and (each == location or (each.path == location.path and not across)):
                continue
            how = "comes from here" if last else "gets there through this call"
            how = "does harm here" if number == 0 else how
            if each.path == location.path:
                related.append((self.span(each), how))
            else:
                elsewhere.append(Elsewhere(each.path, self.span(each), how))
        message = hit.message
        if flow.path != location.path:
            message = f"{message.rstrip('.')}, in {flow.path}."
        return Hit(
            hit.rule,
            location.path,
            self.span(location),
            message,
            hit.severity,
            hit.confidence,
            tuple(related),
            elsewhere=tuple(elsewhere),
        )


def _overlap(one: Found, other: Found) -> bool:
    """Whether one sink is inside the other, and the same data reaches both."""
    inside = one.start >= other.start and one.end <= other.end
    outside = one.start <= other.start and one.end >= other.end
    return (inside or outside) and one.origin == other.origin


_FAMILIES = {".py": "py", ".go": "go"}
_REPEATS = regex(r"(?<!\w)for\b|\.(?:map|forEach|flatMap)\(")


def _may_repeat(file: SourceFile) -> bool:
    """Whether a file may call something for each of many elements, where that matters."""
    return file.path_class is PathClass.PRODUCT and _REPEATS.search(file.text) is not None


# Kinds of harm that a check elsewhere prevents: where it leads is compared with what is meant.
_ADDRESSES = frozenset({"open-redirect", "request-to-any-host", "ssrf"})
_TARGETS = _ADDRESSES | {"path-traversal"}
_OWN_HEADER = regex(r"(?i)\bheaders?\b(?!.*refer)|\bHTTP_(?!REFER)")


def _may_be_checked(flow: Found) -> bool:
    """Whether a check is likely where this does not look, as it nearly always was in maintained
    programs: in functions on the way, and for addresses in what fills a declared parameter.
    """
    kind = flow.rule.rpartition("/")[2]
    declared = flow.origin is not None and flow.origin.declared
    if kind == "open-redirect" and flow.origin and "referer" in flow.origin.what.lower():
        return True  # back to the page that the browser shows already
    if kind == "xss" and flow.origin and _OWN_HEADER.search(flow.origin.what):
        return True  # no page can make the browser of somebody else send it
    return (kind in _TARGETS and bool(flow.via)) or (kind in _ADDRESSES and declared)


def _carries(value: Value) -> bool:
    return any(taint.origin.kind == "request" for taint in value.taints)


def sentence_of(rule: Rule, flow: Found) -> str:
    """Return a rule's message about a flow, with both of its ends named."""
    source = "outside data"
    if flow.origin is not None:
        what = flow.origin.what
        source = what if what.startswith("the ") else f"`{what}`"
    # Not `format`: the named code may hold braces.
    ends = {"{source}": source, "{sink}": flow.what}
    sentence = re.sub(r"\{source\}|\{sink\}", lambda end: ends[end[0]], rule.message)
    return f"{sentence[0].upper()}{sentence[1:]}."


def member(value: Value, names: Iterable[str]) -> Value | None:
    """Return the member of a definition along names of methods and fields."""
    for name in names:
        held = (value.fields or {}).get(name)
        method = _method(value.ref, name) if held is None else None
        if held is not None:
            value = held
        elif method is not None:
            value = Value(path=f"{value.path}.{name}"[-160:], ref=method, bound=value)
        else:
            return None
    return value


def _method(ref: ClassInfo | FunctionInfo | None, name: str) -> FunctionInfo | None:
    for _ in range(6):
        if not isinstance(ref, ClassInfo):
            return None
        if name in ref.methods:
            return ref.methods[name]
        ref = ref.parents[0] if ref.parents else None
    return None


def normal(path: str) -> str:
    """Return a path without `.` and `..`, "" if it leads out of the repository."""
    made = posixpath.normpath(path)
    return "" if made.startswith("..") or made == "." else made
