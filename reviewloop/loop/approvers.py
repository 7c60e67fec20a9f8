"""Who approved a change that several people must approve: the same user twice is one."""

from typing import Any

from reviewloop.domain.errors import ApproversError
from reviewloop.loop.approval_act import Act
from reviewloop.store.runs import RunRecord

_APPROVALS = "approvals"  # of a record: the commit that is proposed -> the acts that approved it


def approve_by(record: RunRecord, commit: str, act: Act, needed: int) -> None:
    """Keep that somebody approved a commit; raise `ApproversError` while others must.

    The caller saves the record in either case. What was approved is one commit: of another
    proposal everybody approves anew.
    """
    given, by = approvals_of(record, commit), act.actor
    is_again = by in {one["by"] for one in given}
    if not is_again:
        given = [*given, {"by": by, **act.plain()}]
    record.options[_APPROVALS] = {commit: given}
    if len(given) >= needed:
        return
    again = f"{by} approved it before; " if is_again else ""
    left = needed - len(given)
    others = "another person has" if left == 1 else f"{left} other people have"
    names = ", ".join(one["by"] for one in given)
    raise ApproversError(
        f"{again}{len(given)} of {needed} approvals are given ({names}); {others} to "
        f"approve {record.run_id} before it is committed"
    )


def approvals_of(record: RunRecord, commit: str) -> list[dict[str, str]]:
    """Return who approved a commit that needs several, oldest first: `by`, and members of the act.

    Where one user is enough nothing is kept.
    """
    given: list[Any] = record.options.get(_APPROVALS, {}).get(commit, [])
    return [{"by": one} if isinstance(one, str) else one for one in given]  # names of a release ago
