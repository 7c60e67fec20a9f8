"""Who approved a change that several people must approve: the same person twice is one."""

from collections.abc import Sequence

from reviewloop.domain.errors import ApproversError
from reviewloop.store.runs import RunRecord

_APPROVALS = "approvals"  # of a record: the commit that is proposed -> who approved it


def approve_by(record: RunRecord, commit: str, by: str, needed: int) -> None:
    """Keep that somebody approved a commit; raise `ApproversError` while others must.

    The caller saves the record in either case. What was approved is one commit: of another
    proposal everybody approves anew.
    """
    given: Sequence[str] = record.options.get(_APPROVALS, {}).get(commit, ())
    names = [*given, *(() if by in given else (by,))]
    record.options[_APPROVALS] = {commit: names}
    if len(names) >= needed:
        return
    again = f"{by} approved it before; " if by in given else ""
    left = needed - len(names)
    others = "another person has" if left == 1 else f"{left} other people have"
    raise ApproversError(
        f"{again}{len(names)} of {needed} approvals are given ({', '.join(names)}); {others} to "
        f"approve {record.run_id} before it is committed"
    )
