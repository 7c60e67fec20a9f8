"""What was pushed to a pull request since its last review."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from reviewloop.app.review.review import Reviewed
from reviewloop.domain.finding import Finding
from reviewloop.git.located import Place
from reviewloop.github.api.model import PullRequest, State
from reviewloop.github.earlier.rereview import reviewed_range
from reviewloop.review.anchoring import ChangedLines


@dataclass(frozen=True)
class Since:
    """The lines that a push changed; `lines` is None where all of the change counts as new."""

    lines: ChangedLines | None = None
    touched: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)  # old path -> new path

    @classmethod
    def last_review(cls, done: Reviewed, place: Place, state: State, pull: PullRequest) -> Self:
        """Compare the head with the one of the last review, if this is work on top of it."""
        older, dots, _ = reviewed_range(place, state, pull).partition("..")
        if older != state.reviewed_sha or not dots:
            return cls()
        private = done.compared.private
        pushed = private.change(private.tree_of(older), done.compared.new)
        files = [file for file in pushed.files if not file.submodule]
        return cls(
            ChangedLines({file.path: file.added_ranges for file in files}),
            frozenset(name for file in files for name in (file.path, file.old_path)),
            {f.old_path: f.path for f in files if f.status == "R" and f.old_path != f.path},
        )

    def changed(self, finding: Finding) -> bool:
        """Whether a finding is about what was pushed: its lines, or its file where it has none."""
        if self.lines is None or not finding.path:
            return True
        if finding.line is None:
            return finding.path in self.touched
        last = max(finding.end_line or finding.line, finding.line)
        return self.lines.touch(finding.path, finding.line, last)
