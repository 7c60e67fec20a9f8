"""Compares the names of specs with those of the code, in both directions, conservatively.

A name in a spec without code is drift once all its tasks are done. A name in code without a spec is
drift where specs list similar names: at least half of those in its file or its project. All other
names are counted as not compared.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import Drift, NameKind, NotCompared
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecView
from reviewloop.specs.drift.code import Code
from reviewloop.specs.drift.names import CodeName, ends_alike, route_of, words_of
from reviewloop.specs.drift.spec_names import SpecName, mentioned, spec_names
from reviewloop.specs.drift.wording import unset
from reviewloop.specs.select import is_done, leaves
from reviewloop.specs.words import find_paths

_OF_NO_SPEC = "in code, of what no spec lists"
_LISTED: tuple[NameKind, ...] = ("endpoint", "table", "setting", "command")
_CONTEXTS: Mapping[NameKind, re.Pattern[str]] = {
    "table": regex(
        r"\b(?:tables?|rows?|columns?|schema|models?|entit(?:y|ies)|database|storage|records?)\b",
        re.IGNORECASE,
    ),
    "command": regex(
        r"\b(?:(?:sub)?commands?|cli|scripts?|targets?|jobs?|make|npm|runs?|executes?)\b", re.I
    ),
}
_ROUTINE_WORDS = """
    health healthz healthcheck ready readyz live livez ping metrics docs redoc openapi.json
    favicon.ico robots.txt *
"""
_ROUTINE = frozenset(_ROUTINE_WORDS.split())
_MANY = 5  # names that are missing together
_SHAPES = frozenset(
    {
        *("Props", "State", "Data", "Item", "Config", "Options", "Params", "Query", "Result"),
        *("Request", "Response", "Template", "Info", "Entry", "Type", "Error", "Exception"),
    }
)
"""Suffixes of names of data types: a design names one of many."""
_BASE = regex(r"api|rest|v\d+(?:\.\d+)?")
_SEVERAL = 3  # endpoints below one base path that the spec omits
_ROUTED_FILE = regex(
    r"(?:^|/)(?:(?:app|routes)/(?P<below>(?:[^/]+/)*)(?:page|route|\+page|\+server)\.(?:[jt]sx?|svelte)"
    r"|pages/(?P<page>.+)\.[jt]sx?|server/(?P<api>(?:api|routes)/.+?)(?:\.[a-z]+)?\.[jt]s)$"
)
_HUMPS = regex(r"[A-Z][a-z0-9]*$")
_PATH = regex(r"(?<![\w.])/[\w{}<>:$*.\-/\[\]]*")


@dataclass(frozen=True)
class NamedSpec:
    """A spec with the names in it."""

    view: SpecView
    names: tuple[SpecName, ...]

    @property
    def path(self) -> str:
        """The spec's folder or file."""
        return self.view.spec.path


@dataclass(frozen=True)
class NameComparison:
    """The result of comparing the names of some specs with the code."""

    drifts: tuple[Drift, ...]
    waiting: tuple[Drift, ...]
    not_compared: tuple[NotCompared, ...]
    count: int
    drift_shares: Mapping[str, float]


def named(view: SpecView, code: Code) -> NamedSpec:
    """Return a spec with the names in it."""
    return NamedSpec(view, tuple(spec_names(view, code.names.programs)))


def compare_names(
    specs: Sequence[NamedSpec], others: Sequence[NamedSpec], texts: Iterable[str], code: Code
) -> NameComparison:
    """Compare the names of `specs` with the code.

    Names in `others`, and in any of the further `texts`, count as specified, too.
    """
    return _Comparison(specs, others, texts, code).run()


class _Comparison:
    def __init__(
        self,
        specs: Sequence[NamedSpec],
        others: Sequence[NamedSpec],
        texts: Iterable[str],
        code: Code,
    ) -> None:
        self.specs, self.others, self.code = specs, others, code
        self.by_kind: dict[str, list[CodeName]] = defaultdict(list)
        for name in code.names.names:
            self.by_kind[name.kind].append(name)
        self.lines = [
            (line.text, " ".join(line.heads))
            for one in (*specs, *others)
            for line in one.view.lines
        ]
        self.lines += [(line, "") for text in texts for line in text.splitlines()]
        self._known_words: dict[re.Pattern[str] | None, str] = {}
        sought = {
            name.text
            for spec in (*specs, *others)
            for name in spec.names
            if name.kind == "component"
        }
        self.defined = code.defining(sought)
        self.matches: dict[CodeName, NamedSpec] = {}
        self.unclear: dict[tuple[NameKind, str], list[str]] = defaultdict(list)
        self.beyond: dict[NameKind, list[str]] = defaultdict(list)

    def run(self) -> NameComparison:
        for spec in self.others:
            for name in spec.names:
                for one in self._found(name):
                    self.matches.setdefault(one, spec)
        drifts: list[Drift] = []
        waiting: list[Drift] = []
        real_names: dict[str, int] = {}
        count = 0
        for spec in self.specs:
            missing = []
            for name in spec.names:
                hits = self._found(name)
                for one in hits:
                    self.matches[one] = spec
                if not hits and not name.avoided:
                    missing.append(name)
            for name, one in self._below_a_base(spec, missing).items():
                missing.remove(name)
                self.matches[one] = spec
                where = f"{name.location} ({name.text}, {one.text} at {one.location})"
                self.unclear["endpoint", "in code below a path that is left out"].append(where)
            real = [one for one in spec.names if not one.avoided]
            count += len(real)
            gone = list(self._missing(spec, missing, len(real) > len(missing)))
            drifts += [one for one, waits in gone if not waits]
            waiting += [one for one, waits in gone if waits]
            real_names[spec.path] = len(real)
        drifts += self._unnamed()
        kinds = {name.kind for spec in self.specs for name in spec.names}
        for unread in self.code.names.unread:
            if unread.kind in kinds:
                self.unclear[unread.kind, unread.reason].append(unread.location)
        not_compared = [
            NotCompared(kind, reason, tuple(sorted(set(locations))))
            for (kind, reason), locations in self.unclear.items()
        ]
        not_compared += [
            NotCompared(kind, _OF_NO_SPEC, tuple(sorted(set(locations))), beyond=True)
            for kind, locations in self.beyond.items()
        ]
        not_compared.sort(key=lambda one: (one.kind, one.reason))
        shares = {path: _share(path, names, drifts) for path, names in real_names.items()}
        return NameComparison(tuple(drifts), tuple(waiting), tuple(not_compared), count, shares)

    # Names in a spec

    def _found(self, name: SpecName) -> list[CodeName]:
        if name.kind == "endpoint":
            return [one for one in self.by_kind["endpoint"] if _serves(one, name)]
        if name.kind == "component":
            return [self.defined[name.text]] if name.text in self.defined else []
        if name.kind == "file":
            hits = find_paths([name.text], self.code.paths)
            return [CodeName("file", name.text, hits[0], 1)] if hits else []
        if name.kind == "table":
            return [one for one in self.by_kind["table"] if _same_table(one, name.text)]
        if name.kind == "command":
            plain = _plain_command(name.text)
            return [one for one in self.by_kind["command"] if _plain_command(one.text) == plain]
        return [one for one in self.by_kind[name.kind] if one.text == name.text]

    def _below_a_base(
        self, spec: NamedSpec, missing: Sequence[SpecName]
    ) -> dict[SpecName, CodeName]:
        """Return endpoints that code has below a base path which the document omits: /api/v1.

        The base path has several of them, or is a common one, and the document never mentions it.
        """
        written: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for name in spec.names:
            written[name.path].append(name.route)
        found: dict[tuple[str, ...], dict[SpecName, CodeName]] = defaultdict(dict)
        for name in missing if self.by_kind["endpoint"] else ():
            for one in self.by_kind["endpoint"] if name.kind == "endpoint" else ():
                base = one.route[: -len(name.route)] if name.route else ()
                if base and (*base, *name.route) == one.route and _is_method(one, name):
                    found[base].setdefault(name, one)
        below: dict[SpecName, CodeName] = {}
        for base, names in sorted(found.items(), key=lambda one: -len(one[1])):
            if len(names) >= _SEVERAL:
                below = {**names, **below}
            elif all(_BASE.fullmatch(part) for part in base):
                for name, one in names.items():
                    if all(route[: len(base)] != base for route in written[name.path]):
                        below.setdefault(name, one)
        return below

    def _missing(
        self, spec: NamedSpec, missing: Sequence[SpecName], some_are_there: bool
    ) -> Iterator[tuple[Drift, bool]]:
        """Yield the names without code, and whether open tasks still have to build them."""
        state = _Tasks(spec.view)
        rare = {kind for kind in ("component", "file") if _is_rare(kind, spec, missing)}
        for name in missing:
            waits = state.waits(name) if state.has_any else not some_are_there
            unclear = "" if waits else self._elsewhere(name)
            if unclear:
                where = f"{name.location} ({name.text}, {unclear})"
                self.unclear[name.kind, "in code, but not as what is read"].append(where)
                continue
            if not waits and (name.loose or name.kind in rare):
                where = f"{name.location} ({name.text})"
                self.unclear[name.kind, "of the design alone: code has few of its like"].append(
                    where
                )
                continue
            near = self._near(name)
            yield Drift(name.kind, name.text, spec.path, name.location, "", near), waits

    def _elsewhere(self, name: SpecName) -> str:
        """Return the line where code has a name in a form that is not parsed, "" for none."""
        if name.kind == "endpoint":
            return self._quoted(name)
        if name.kind == "component":
            return self.code.outside(name.text)
        if name.kind == "table":
            unread = any(one.kind == "table" for one in self.code.names.unread)
            quoted = rf"|['\"`]{re.escape(name.text)}['\"`]" if unread else ""
            return self.code.line_with(
                rf"\b(?:FROM|INTO|JOIN|UPDATE)\s+[\"`]?{re.escape(name.text)}\b{quoted}", name.text
            )
        if name.kind == "setting":
            return self.code.line_with(rf"(?<![\w-]){name.text}(?![\w-])", name.text)
        return ""

    def _quoted(self, name: SpecName) -> str:
        """Return a line of code that may be the unparsed route of an endpoint."""
        fixed = [part for part in name.route if part != "{}"]
        if name.route in self._by_folder:
            return self._by_folder[name.route]
        if not fixed or any(_same_route(one, name.route) for one in self.by_kind["endpoint"]):
            return ""
        inner = "/".join(r"[^/'\"`]+" if one == "{}" else re.escape(one) for one in name.route)
        unread = {one.path for one in self.code.names.unread if one.kind == "endpoint"}
        routes = {one.location for one in self.by_kind["endpoint"]}
        anywhere = rf"(?i)['\"`][^'\"`\n]*{inner}/?['\"`]"
        routed = (
            r"(?i)^(?!.*(?:prefix|group|\.use|include|@controller|import))"
            rf"(?=.*(?:rout|handle|endpoint|mapping)).*['\"`]/?{inner}/?['\"`]"
        )
        for pattern, paths in ((anywhere, unread), (routed, None)):
            found = self.code.line_with(pattern, fixed[0], paths, routes)
            if found:
                return found
        return ""

    @cached_property
    def _by_folder(self) -> Mapping[tuple[str, ...], str]:
        """Routes that are folders in Next.js, SvelteKit and Nuxt, with their file."""
        found: dict[tuple[str, ...], str] = {}
        for path in self.code.paths:
            if match := _ROUTED_FILE.search(path):
                inner = match["below"] or match["page"] or match["api"] or ""
                inner = inner.removesuffix("/index").removeprefix("routes/")
                parts = [part for part in inner.split("/") if part and part[0] != "("]
                route = "/".join("{}" if part[0] in "[$:" else part for part in parts)
                found.setdefault(route_of(f"/{route}"), f"{path}:1")
        return found

    def _near(self, name: SpecName) -> str:
        """Return the endpoint of the code that comes closest: another method of the same path."""
        if name.kind != "endpoint":
            return ""
        same = [one for one in self.by_kind["endpoint"] if _same_route(one, name.route)]
        return f"the code has {same[0].text} ({same[0].location})" if same else ""

    # Names in code

    def _unnamed(self) -> Iterator[Drift]:
        kinds = {name.kind for spec in self.specs for name in spec.names}
        for kind in _LISTED:
            if kind in kinds:
                yield from self._unlisted(kind)
            elif others := [one for one in self.by_kind[kind] if not self._needs_no_spec(one)]:
                self.beyond[kind] += [one.location for one in others]
        if "component" in kinds:
            yield from self._unlisted_components()

    def _unlisted(self, kind: NameKind) -> Iterator[Drift]:
        first: dict[str, CodeName] = {}
        for one in self.by_kind[kind]:
            if not self._needs_no_spec(one):
                first.setdefault(one.text, one)
        unnamed = [one for one in first.values() if not self._is_named(one)]
        known = [one for one in first.values() if one not in unnamed]
        listed = len(known) or sum(
            name.kind == kind and not name.avoided
            for spec in (*self.specs, *self.others)
            for name in spec.names
        )
        outside = []
        for one in unnamed:
            beside = [other for other in known if other.path == one.path]
            like = [other for other in unnamed if other.path == one.path]
            spec = self._spec_of(beside or known) or (None if known else self._listing(kind))
            in_file = bool(beside) and len(beside) >= len(like)
            mostly = in_file or (listed >= len(unnamed) and not one.local)
            if spec is None or not mostly:
                outside.append(one.location)
                continue
            yield self._not_in_spec(one, spec)
        if outside:
            self.beyond[kind] += outside

    def _unlisted_components(self) -> Iterator[Drift]:
        """Yield classes with the suffix of a spec's components in the same file as one of them."""
        own = [one for one in self.matches if one.kind == "component"]
        roles = {_role(one.text) for one in own if _role(one.text)}
        paths = dict.fromkeys(one.path for one in own)
        folders = {path.rpartition("/")[0] for path in paths}
        beside = [path for path in self.code.texts if path.rpartition("/")[0] in folders]
        candidates = [one for one in self.code.classes(beside) if _role(one.text) in roles]
        unnamed = [one for one in candidates if not self._mentions(one.text, "component")]
        if len(unnamed) > len(own):
            self.beyond["component"] += [one.location for one in unnamed]
            return
        for one in unnamed:
            near = [other for other in own if other.path == one.path] or [
                other
                for other in own
                if other.path.rpartition("/")[0] == one.path.rpartition("/")[0]
            ]
            if spec := self._spec_of(near):
                yield self._not_in_spec(one, spec)

    def _spec_of(self, known: Collection[CodeName]) -> NamedSpec | None:
        """Return the compared spec that names most of these."""
        counts: dict[str, int] = defaultdict(int)
        for one in known:
            if spec := self.matches.get(one):
                counts[spec.path] += 1
        own = [spec for spec in self.specs if counts.get(spec.path)]
        return max(own, key=lambda spec: counts[spec.path], default=None)

    def _listing(self, kind: NameKind) -> NamedSpec | None:
        """Return the compared spec with the most names of a kind."""
        counts = {spec.path: sum(name.kind == kind for name in spec.names) for spec in self.specs}
        own = [spec for spec in self.specs if counts[spec.path]]
        return max(own, key=lambda spec: counts[spec.path], default=None)

    def _not_in_spec(self, one: CodeName, spec: NamedSpec) -> Drift:
        listed = [name for name in spec.names if name.kind == one.kind and not name.avoided]
        near = listed[-1].location if listed else ""
        note = f"its like is at {near}" if near else ""
        return Drift(one.kind, one.text, spec.path, "", one.location, note)

    def _needs_no_spec(self, one: CodeName) -> bool:
        return one.quiet or _is_routine(one)

    def _is_named(self, one: CodeName) -> bool:
        if one in self.matches:
            return True
        if one.kind == "endpoint":
            return any(
                route == one.route or (one.loose and ends_alike(route, one.route))
                for route in self._bare_routes
            )
        return any(self._mentions(name, one.kind) for name in (one.text, *one.others))

    @cached_property
    def _bare_routes(self) -> frozenset[tuple[str, ...]]:
        """Paths that specs mention without a method."""
        named_too = {name.route for one in (*self.specs, *self.others) for name in one.names}
        text = mentioned("\n".join(text for text, _ in self.lines))
        found = {route_of(one[0].rstrip(".:,")) for one in _PATH.finditer(text)}
        return frozenset(found - named_too - {()})

    def _mentions(self, name: str, kind: NameKind) -> bool:
        """Whether a spec contains the words of a name, one after another.

        A single word may be part of any sentence: it counts only if the line, or a heading above
        it, is about such things.
        """
        words = words_of(name)
        context = _CONTEXTS.get(kind) if len(words) == 1 else None
        return f" {' '.join(words)} " in self._words_about(context)

    def _words_about(self, context: re.Pattern[str] | None) -> str:
        """Return all words of the specs, or those of lines on a subject."""
        if context not in self._known_words:
            texts = [
                text
                for text, about in self.lines
                if context is None or context.search(text) or context.search(about)
            ]
            tokens = re.findall(r"[A-Za-z0-9]+", mentioned("\n".join(texts)))
            singular = " ".join(" ".join(words_of(token)) for token in tokens)
            self._known_words[context] = f" {singular} "
        return self._known_words[context]


def _is_rare(kind: str, spec: NamedSpec, missing: Sequence[SpecName]) -> bool:
    """Whether the code has so few of many names that it was hardly built from the spec."""
    listed = sum(name.kind == kind and not name.avoided for name in spec.names)
    gone = sum(name.kind == kind for name in missing)
    return gone >= _MANY and (listed - gone) * 3 < listed


def _share(path: str, names: int, drifts: Iterable[Drift]) -> float:
    """Return the share of a spec's names that diverge; names that it lacks count as well."""
    own = [one for one in drifts if one.spec == path]
    lacking = sum(not one.in_spec for one in own)
    return len(own) / (names + lacking) if own else 0.0


class _Tasks:
    """The done and the open tasks of a spec."""

    def __init__(self, view: SpecView) -> None:
        tasks = [task for task in leaves(view.spec) if not task.checkpoint]
        self.done = [task for task in tasks if is_done(view.spec, task)]
        self.open = [task for task in tasks if not is_done(view.spec, task)]
        self.done_text = unset("\n".join(f"{one.title}\n{one.body}" for one in self.done))

    @property
    def has_any(self) -> bool:
        """Whether the spec has tasks at all."""
        return bool(self.done or self.open)

    def waits(self, name: SpecName) -> bool:
        """Whether a name is not built yet: tasks are open, and no done one mentions it."""
        if not self.open:
            return False
        if name.kind == "endpoint":
            shown = {route_of(one[0].rstrip(".:,")) for one in _PATH.finditer(self.done_text)}
            return name.route not in shown
        return re.search(rf"(?<![\w-]){re.escape(name.text)}(?![\w-])", self.done_text) is None


def _is_routine(one: CodeName) -> bool:
    """Whether an endpoint is common to every service, or matches any path."""
    fixed = [part for part in one.route if part != "{}"]
    return one.kind == "endpoint" and (not fixed or fixed[-1] in _ROUTINE)


def _serves(one: CodeName, name: SpecName) -> bool:
    return _is_method(one, name) and _same_route(one, name.route)


def _is_method(one: CodeName, name: SpecName) -> bool:
    return not (one.methods and name.methods) or bool(set(one.methods) & set(name.methods))


def _same_route(one: CodeName, route: tuple[str, ...]) -> bool:
    return one.route == route or (one.loose and ends_alike(route, one.route))


def _same_table(one: CodeName, text: str) -> bool:
    return words_of(text) in {words_of(name) for name in (one.text, *one.others)}


def _plain_command(text: str) -> str:
    return text.replace("_", "-").casefold()


def _role(name: str) -> str:
    """Return the last word of a name in camel case: the `Service` of `OrderService`."""
    last = _HUMPS.search(name)
    return last[0] if last and last.start() > 0 and last[0] not in _SHAPES else ""
