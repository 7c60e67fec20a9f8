"""What telling a review takes from the code, as plain values: whoever has them needs no repository.

The job that reads a stranger's pull request gathers them; the job that posts has nothing else.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from reviewloop.domain.finding import Finding
from reviewloop.github.api.model import Side, State
from reviewloop.github.earlier.codeprints import Codeprints, Fate


class Spot(NamedTuple):
    """Lines that a comment may stand on."""

    side: Side
    first: int
    last: int
    whole: bool = True  # whether they are all that the finding is about
    offers: bool = False  # whether its replacement was put there and the file still parses


@dataclass(frozen=True)
class Facts:
    """What is known of the new head; findings are named by their fingerprints."""

    since: str = ""  # commit of the last review that `pushed`, `touched` and `renamed` start from
    spots: Mapping[str, Spot] = field(default_factory=dict)  # none: cannot be said on a line
    codes: Mapping[str, str] = field(default_factory=dict)  # finding -> print of its code
    fates: Mapping[tuple[str, str], Fate] = field(default_factory=dict)  # of (path, print)
    pushed: frozenset[str] = frozenset()  # findings about what was pushed since
    touched: frozenset[str] = frozenset()  # paths
    renamed: Mapping[str, str] = field(default_factory=dict)  # old path -> new path
    confirmed: frozenset[str] = frozenset()  # findings that a reviewer of the push calls fixed

    @classmethod
    def of_code(
        cls,
        findings: Iterable[Finding],
        state: State,
        *,
        read: Callable[[str], str | None],
        changed: Callable[[Finding], bool],
        touched: Collection[str] = (),
        renamed: Mapping[str, str] | None = None,
        confirmed: Collection[str] = (),
        spots: Mapping[str, Spot] | None = None,
        forgotten: Iterable[Finding] = (),
    ) -> Self:
        """Look at the code; `read` returns a file of the new head, None where there is none.

        `changed` tells whether a finding is about what was pushed since the last review,
        `forgotten` are earlier findings that the state does not hold.
        """
        unique = {finding.id: finding for finding in reversed(list(findings))}
        prints, moved = Codeprints(read), dict(renamed or {})
        earlier = {
            (moved.get(path, path), str(entry.get("code", "")))
            for entry in state.findings.values()
            for path in [str(entry.get("path", ""))]
        }
        fates = {asked: prints.fate(*asked) for asked in sorted(earlier)}
        codes = {name: prints.of(finding) for name, finding in unique.items()}
        for finding in forgotten:
            if finding.id not in codes:
                code, fate = prints.again(finding)
                codes[finding.id], fates[finding.path, code] = code, fate
        return cls(
            since=state.reviewed_sha,
            spots=dict(spots or {}),
            codes=codes,
            fates=fates,
            pushed=frozenset(name for name, finding in unique.items() if changed(finding)),
            touched=frozenset(touched),
            renamed=moved,
            confirmed=frozenset(confirmed),
        )

    def of(self, finding: Finding) -> str:
        """Return the print of the code that a finding is about; see `codeprints`."""
        return self.codes.get(finding.id, "")

    def fate(self, path: str, code: str) -> Fate:
        """Return what became of code that had this print."""
        return self.fates.get((path, code), Fate.UNKNOWN)

    def changed(self, finding: Finding) -> bool:
        """Whether a finding is about what was pushed since the last review."""
        return finding.id in self.pushed

    def for_state(self, state: State) -> Self:
        """Return what still holds with this memory of the pull request.

        If another review was posted meanwhile, what was pushed since then is not known here: all
        counts as new, and nobody confirmed anything.
        """
        if state.reviewed_sha == self.since:
            return self
        everything = frozenset({*self.codes, *self.pushed})
        none: frozenset[str] = frozenset()
        return replace(self, pushed=everything, touched=none, renamed={}, confirmed=none)
