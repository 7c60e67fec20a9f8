"""What our comments on the diff tell of findings that the state has forgotten, or never knew."""

from collections.abc import Mapping, Sequence

from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.model import State
from reviewloop.github.comments.finding_data import finding_from


def entry_of(root: ReviewComment, code: str = "") -> dict[str, object]:
    """Return the entry of a finding of which only its comment is known; see `stored.Entry`."""
    finding = finding_from(root.body)
    severity = finding.severity if finding else Severity.SHOULD_FIX
    by = (finding.rule or ",".join(finding.agents)) if finding else ""
    return {
        **{"status": "open", "severity": str(severity), "path": root.path},
        **{"comment_id": root.id, "reason": "", "code": code, "by": by},
    }


def forgotten(roots: Mapping[str, Sequence[ReviewComment]], state: State) -> tuple[Finding, ...]:
    """Return the findings in our comments that are not remembered, at the paths of the comments."""
    told = {name: (some[-1].path, finding_from(some[-1].body)) for name, some in roots.items()}
    return tuple(
        found.model_copy(update={"path": path})
        for name, (path, found) in told.items()
        if found and found.id == name and name not in state.findings
    )
