"""Counts the approvals of a change that needs several users; one user counts once."""

from typing import Any

from reviewloop.domain.errors import ApproversError
from reviewloop.loop.approval_act import Act
from reviewloop.store.runs import RunRecord

_APPROVALS = "approvals"  # in a record: the proposed commit -> its approvals


def approve_by(record: RunRecord, commit: str, act: Act, needed: int) -> None:
    """Record an approval of a commit; raise `ApproversError` while more users must approve.

    The caller saves the record in either case. Approvals are for one commit: a new proposal needs
    new ones.
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
    """Return the approvals of a commit that needs several, oldest first: `by`, and keys of the act.

    Empty where one user is enough.
    """
    given: list[Any] = record.options.get(_APPROVALS, {}).get(commit, [])
    return [{"by": one} if isinstance(one, str) else one for one in given]  # by an earlier release
