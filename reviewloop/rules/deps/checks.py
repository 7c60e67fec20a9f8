"""Checks the dependency files of a change: pins, names, sources, scripts, lock files,
advisories.
"""

from collections.abc import Iterator
from dataclasses import field, replace
from pathlib import Path

from reviewloop.analysis.contract import NIT, ChangeView, Hit, Rule, SourceFile, Span
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.rules.deps import rules
from reviewloop.rules.deps.advisories import COVERED, Advisory, allowed, look_up
from reviewloop.rules.deps.manifest import Ecosystem, Entry, Index, Manifest, Origin, Script
from reviewloop.rules.deps.packages import find_replacement, looks_like
from reviewloop.rules.deps.readers import Format, format_of, lock_of


@dataclass(frozen=True)
class ChangedManifest:
    """One manifest of the change with its base version."""

    file: SourceFile
    format: Format
    new: Manifest
    base: Manifest
    lock: str  # path of the lock file that pins it, "" for none
    lock_changed: bool  # or may have: a part of the change does not show it
    old_names: frozenset[tuple[Ecosystem, str]] = field(default=frozenset())

    def entries(self) -> Iterator[Entry]:
        """Yield the dependencies that the change adds or modifies, without moved ones."""
        before = {_content(entry) for entry in self.base.entries}
        for entry in self.new.entries:
            if self.file.touched(entry.line, entry.end_line) and _content(entry) not in before:
                yield entry

    def indexes(self) -> Iterator[Index]:
        """Yield the package indexes that the change adds."""
        before = {(index.address, index.extra) for index in self.base.indexes}
        for index in self.new.indexes:
            known = (index.address, index.extra) in before
            if self.file.touched(index.line, index.line) and not known:
                yield index

    def scripts(self) -> Iterator[Script]:
        """Yield the install scripts that the change adds or modifies."""
        before = {(script.name, script.command) for script in self.base.scripts}
        for script in self.new.scripts:
            known = (script.name, script.command) in before
            if self.file.touched(script.line, script.line) and not known:
                yield script

    def is_new(self, entry: Entry) -> bool:
        """Whether the base version lacks the package."""
        return (entry.ecosystem, entry.name) not in self.old_names


def _content(entry: Entry) -> tuple[object, ...]:
    return (entry.name, entry.requirement, entry.origin, entry.address, entry.revision)


def changed_manifests(view: ChangeView) -> Iterator[ChangedManifest]:
    """Yield the manifests among the files under review."""
    found = [(file, known) for file in view.files if (known := format_of(file.path))]
    if not found:
        return
    paths, changed = frozenset(view.list_new()), frozenset(view.changed_paths)
    for file, known in found:
        base = known.read(view.read_base(file.path) or "")
        lock = lock_of(file.path, known, paths, view.read_new) if known.locks else ""
        names = frozenset((entry.ecosystem, entry.name) for entry in base.entries)
        yield ChangedManifest(
            file, known, known.read(file.text), base, lock, view.partial or lock in changed, names
        )


_ANY = {"*", "latest", "x", "next", ">=0", ">0", ">=0.0.0", "release", "+"}
_MOVING_JVM = regex(r"(?:.*\+|latest\..*|LATEST|RELEASE|.*-SNAPSHOT)")
_COMMIT = regex(r"[0-9a-f]{7,64}")
_RELEASE = regex(r"(?:[\w.-]*[/@-])?[vV]?[~^]?\d+(?:\.\d+)*[\w.+-]*")
_BRANCH_ARCHIVE = regex(
    r"/(?:archive|zipball|tarball)/(?:refs/heads/)?(?:main|master|HEAD|develop)\b"
)
_LOCAL_HOST = regex(r"http://(?:localhost|127\.|\[::1\]|0\.0\.0\.0)")
_PUBLIC_INDEXES = ("download.pytorch.org", "pypi.org", "www.piwheels.org", "pypi.nvidia.com")
_HARMLESS = regex(
    r"\s*(?:npx\s+|yarn\s+|pnpm\s+)?(?:husky|patch-package|prisma\s+generate|nuxt\s+prepare|"
    r"nuxi\s+prepare|electron-builder\s+install-app-deps|lefthook\s+install|ngcc|wxt\s+prepare|"
    r"simple-git-hooks|svelte-kit\s+sync|fumadocs-mdx|panda\s+codegen)\b[^&|;`$]*"
)
_SHOWN = 3


def check(view: ChangeView) -> Iterator[Hit]:
    """Yield the problems of dependencies that the change adds or modifies."""
    manifests = list(changed_manifests(view))
    for manifest in manifests:
        for entry in manifest.entries():
            if entry.origin is not Origin.LOCAL:
                yield from _pinning(manifest, entry)
                yield from _name(manifest, entry)
        yield from _indexes(manifest)
        yield from _scripts(manifest)
        yield from _lock(manifest, view)
    if view.options.advisories:
        yield from _vulnerable(manifests, Path(view.options.advisories))


def _hit(
    rule: Rule, manifest: ChangedManifest, lines: tuple[int, int], message: str, identity: str = ""
) -> Hit:
    return Hit(rule.id, manifest.file.path, Span(*lines), message, identity=identity)


def _about(rule: Rule, manifest: ChangedManifest, entry: Entry, message: str) -> Hit:
    return _hit(rule, manifest, (entry.line, entry.end_line), message, entry.name)


def _pinning(manifest: ChangedManifest, entry: Entry) -> Iterator[Hit]:
    shown = entry.name or entry.address
    if entry.address.startswith("http://") and not _LOCAL_HOST.match(entry.address):
        message = f"{shown} is fetched over plain HTTP."
        yield _about(rules.INSECURE_SOURCE, manifest, entry, message)
    if manifest.lock or entry.hashed or entry.transitive:
        return
    if entry.origin is Origin.GIT:
        if not _COMMIT.fullmatch(entry.revision) and not _RELEASE.fullmatch(entry.revision):
            at = f"the branch {entry.revision}" if entry.revision else "the default branch"
            message = f"{shown} follows {at} of a git repository."
            yield _about(rules.UNPINNED_SOURCE, manifest, entry, message)
    elif entry.origin is Origin.URL:
        if _BRANCH_ARCHIVE.search(entry.address):
            message = f"{shown} is the archive of a branch, which changes with every commit."
            yield _about(rules.UNPINNED_SOURCE, manifest, entry, message)
    elif _is_open(manifest, entry):
        asks = f"asks for {entry.requirement}" if entry.requirement else "names no version"
        hit = _about(rules.UNPINNED, manifest, entry, f"{entry.name} {asks}, and nothing pins it.")
        yield hit if not entry.development else replace(hit, severity=NIT)


def _is_open(manifest: ChangedManifest, entry: Entry) -> bool:
    if entry.ecosystem is Ecosystem.MAVEN:
        return bool(_MOVING_JVM.fullmatch(entry.requirement))
    if entry.requirement.replace(" ", "").lower() in _ANY:
        return True
    # Libraries leave the choice to their users; pip's constraints pin in another file.
    return not entry.requirement and not manifest.new.library and not manifest.new.constrained


def _name(manifest: ChangedManifest, entry: Entry) -> Iterator[Hit]:
    if entry.transitive or entry.origin is not Origin.REGISTRY:
        return
    row = find_replacement(entry.ecosystem, entry.name)
    if row is not None:
        message = (
            f"{entry.name} is no longer maintained by its authors; "
            f"use {row.instead} ({row.source})."
        )
        hit = _about(rules.ABANDONED, manifest, entry, message)
        yield hit if manifest.is_new(entry) else replace(hit, severity=NIT)
    elif manifest.is_new(entry):
        other = looks_like(entry.ecosystem, entry.name)
        if other:
            message = f"{entry.name} is one slip away from {other}: is it the package you mean?"
            yield _about(rules.SIMILAR_NAME, manifest, entry, message)


def _indexes(manifest: ChangedManifest) -> Iterator[Hit]:
    hashed = bool(manifest.new.entries) and all(entry.hashed for entry in manifest.new.entries)
    for index in manifest.indexes():
        address = index.address.rpartition("@")[2]  # the text before it may be a password
        if index.address.startswith("http://") and not _LOCAL_HOST.match(index.address):
            message = (
                f"Packages are fetched over plain HTTP from {address.removeprefix('http://')}."
            )
            yield _hit(rules.INSECURE_SOURCE, manifest, (index.line, index.line), message)
        if index.extra and not hashed and not any(host in address for host in _PUBLIC_INDEXES):
            message = "A public package of the same name and a higher version would be taken."
            yield _hit(rules.EXTRA_INDEX, manifest, (index.line, index.line), message)


def _scripts(manifest: ChangedManifest) -> Iterator[Hit]:
    for script in manifest.scripts():
        if _HARMLESS.fullmatch(script.command):
            continue
        message = f"{script.name} runs whenever the package is installed."
        hit = _hit(rules.INSTALL_SCRIPT, manifest, (script.line, script.line), message, script.name)
        yield replace(hit, severity=NIT) if manifest.new.private else hit


def _lock(manifest: ChangedManifest, view: ChangeView) -> Iterator[Hit]:
    if not manifest.lock or manifest.lock_changed:
        return
    new = [entry for entry in manifest.entries() if manifest.is_new(entry) and not entry.transitive]
    if new and manifest.lock.endswith("go.sum"):
        sums = view.read_new(manifest.lock) or ""
        new = [entry for entry in new if f"{entry.name} {entry.requirement}" not in sums]
    if new:
        names = ", ".join(entry.name for entry in new[:_SHOWN])
        more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
        message = f"{manifest.lock} was not changed, so it does not hold {names}{more}."
        yield _about(rules.LOCK_BEHIND, manifest, new[0], message)


def _vulnerable(manifests: list[ChangedManifest], source: Path) -> Iterator[Hit]:
    entries = [
        (manifest, entry)
        for manifest in manifests
        for entry in manifest.entries()
        if entry.origin is Origin.REGISTRY and entry.ecosystem in COVERED
    ]
    known = look_up(source, {(entry.ecosystem, entry.name) for _, entry in entries})
    for manifest, entry in entries:
        run = allowed(entry.ecosystem, entry.requirement)
        if run is None:
            continue
        exact = run.low == run.high and run.high_included
        version = entry.requirement.lstrip("=v ") if exact else ""
        advisories = [
            advisory
            for advisory in known.get((entry.ecosystem, entry.name), ())
            if advisory.concerns(entry.ecosystem, run, version)
        ]
        if advisories:
            yield _advised(manifest, entry, advisories)


def _advised(manifest: ChangedManifest, entry: Entry, advisories: list[Advisory]) -> Hit:
    """Return one hit for all advisories of an entry, without duplicates of one vulnerability."""
    seen: set[str] = set()
    holes: list[Advisory] = []
    for advisory in sorted(advisories, key=lambda a: (a.severity.rank, a.id)):
        if not seen & {advisory.id, *advisory.aliases}:
            holes.append(advisory)
        seen |= {advisory.id, *advisory.aliases}
    ids = ", ".join(_id(hole) for hole in holes[:_SHOWN])
    more = f" and {len(holes) - _SHOWN} more" if len(holes) > _SHOWN else ""
    asks = f"{entry.name} {entry.requirement}".strip()
    fixed = sorted({version for hole in holes for version in hole.fixed})
    mended = f" Fixed in {', '.join(fixed[:_SHOWN])}." if fixed else " No fixed version is known."
    summary = f": {holes[0].summary}" if holes[0].summary else ""
    message = f"{asks} is affected by {ids}{more}{summary.rstrip('.')}.{mended}"
    return Hit(
        rules.VULNERABLE.id, manifest.file.path, Span(entry.line, entry.end_line), message,
        holes[0].severity, identity=entry.name,
    )  # fmt: skip


def _id(advisory: Advisory) -> str:
    cve = next((alias for alias in advisory.aliases if alias.startswith("CVE-")), "")
    return f"{advisory.id} ({cve})" if cve else advisory.id
