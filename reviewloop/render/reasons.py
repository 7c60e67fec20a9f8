"""Reasons as sentences: one row for each kind."""

from collections.abc import Callable, Mapping

from reviewloop.domain.reason import NO_REASON, Reason, ReasonKind, reason

_EMPTY = "the change is empty: "


def sentence(reason: Reason) -> str:
    """Return a reason as a sentence; a finished `text` is returned unchanged."""
    return reason.text("text") or SENTENCES[reason.kind](reason)


def together(*reasons: Reason) -> Reason:
    """Return reasons as one: with a single one that one, else their sentences, each once.

    It says that a run builds on another where one of them does.
    """
    listed = [one for one in reasons if one]
    texts = list(dict.fromkeys(map(sentence, listed)))
    if len(texts) < 2:
        return next(iter(listed), NO_REASON)
    builds_on = any(one.kind is ReasonKind.BUILDS_ON for one in listed)
    kind = ReasonKind.BUILDS_ON if builds_on else ReasonKind.ERROR
    return reason(kind, text="; ".join(texts))


def brief(reason: Reason) -> str:
    """Return a reason without sums and advice, for use beside these."""
    if reason.kind is ReasonKind.BUG:
        return _bug_in_brief(reason)
    return reason.text("brief") or sentence(reason)


def _as_text(reason: Reason) -> str:
    return reason.text("text")


def _fixed(words: str) -> Callable[[Reason], str]:
    return lambda reason: words


def _empty_change(reason: Reason) -> str:
    reply = reason.text("said")
    return f"{_EMPTY}{reason.text('nothing')}" + (f"; it said: “{reply}”" if reply else "")


def _fixes_unread(reason: Reason) -> str:
    return "; ".join(["the fixes could not be re-reviewed", *reason.lines("failed")])


def _refused_commit(reason: Reason) -> str:
    run = reason.text("run")
    why = reason.text("why").rstrip(".")
    if reason.params.get("try_again"):
        why = f"{reason.text('problem')}, then `reviewloop approve {run}`"
    untouched = "" if reason.params.get("says_untouched") else " Nothing was touched."
    return (
        f"{why}.{untouched} Or save the work with `reviewloop checkout {run} NAME`, or end the run "
        f"with `reviewloop reject {run}`"
    )


def _bug_in_brief(reason: Reason) -> str:
    return f"this is a bug in reviewloop or a fault of this machine ({reason.text('error')})"


def _bug(reason: Reason) -> str:
    return (
        f"{_bug_in_brief(reason)}; "
        f"nothing is lost: {reason.text('place')} tells where, and the same command tries again"
    )


def _protected_files(reason: Reason) -> str:
    return (
        "the change touches protected files that the task does not name "
        f"({', '.join(reason.lines('paths'))}); "
        "`modify` either asks for them by path or has them put back"
    )


def _answer_first(reason: Reason) -> str:
    run, which = reason.text("run"), reason.text("which")
    if reason.text("how") == "needs":
        return f"its task needs what {run} does, which waits: approve that one first"
    if which:
        return f"it was built on {run}, which is {which} now: answer that one first"
    return f"it builds on {run}, which waits: approve that one first"


def _rebased_there(reason: Reason) -> str:
    below = reason.text("run")
    location = f"there, onto {below}" if below else "there"
    lacked = f"it built on a commit that {reason.text('branch')} lacks"
    return f"{lacked}, and was rebased {location}: look at it again, then answer"


def _other_run(reason: Reason) -> str:
    run = f"run {reason.text('run')} ({reason.text('status')})"
    if earlier := reason.text("what"):
        return f"{run} {earlier}"
    answer = "approve or reject it" if reason.text("status") == "waiting" else "reject it"
    tick = f"; approved, tick {reason.text('where') or 'its task'} by hand"
    return (
        f"{run} is of '{reason.text('title')}', which was task {reason.text('task')} when it "
        f"began; {answer} first (`reviewloop queue`){tick if reason.params.get('by_hand') else ''}"
        ", then the same command goes on"
    )


def _not_ticked(reason: Reason) -> str:
    task, earlier = reason.text("task"), reason.params.get("earlier")
    sure = "was" if earlier == 1 else "may have been"
    called = f", as task {task} {sure} called before," if earlier else ""
    return (
        f"run {reason.text('done_by')} committed '{reason.text('title')}' ({reason.text('commit')})"
        f"{called} and could not tick it: tick {reason.text('where')} by hand, or "
        f"`reviewloop run {task}` does it once more"
    )


SENTENCES: Mapping[ReasonKind, Callable[[Reason], str]] = {
    ReasonKind.NONE: _fixed(""),
    ReasonKind.LEGACY: _as_text,
    ReasonKind.ERROR: _as_text,
    ReasonKind.USER: _as_text,
    ReasonKind.CAP_REACHED: _as_text,
    ReasonKind.FILES_IN_THE_WAY: _as_text,
    ReasonKind.BUG: _bug,
    ReasonKind.INTERRUPTED: _as_text,
    ReasonKind.NOT_CHOSEN: _fixed("was not chosen this time"),
    ReasonKind.QUEUED: _fixed("queued"),
    ReasonKind.OTHER_RUN: _other_run,
    ReasonKind.NOT_TICKED: _not_ticked,
    ReasonKind.TASK_CHANGED: lambda reason: (
        f"the text of task {reason.text('task')} changed after its run began "
        f"({reason.text('where')})"
    ),
    ReasonKind.NEED_ADDED: lambda reason: (
        f"task {reason.text('task')} waits for {reason.text('need')} now, as it did not when its "
        "run began"
    ),
    ReasonKind.NEED_OPEN: lambda reason: (
        f"waits for {reason.text('need')}, which is {reason.text('status') or 'not finished'}"
    ),
    ReasonKind.NEEDS_APPROVAL: lambda reason: (
        f"waits for your approval of {' and '.join(reason.lines('needs'))}"
    ),
    ReasonKind.FAILURE_STOPS: lambda reason: (
        f"stopped at task {reason.text('task')} (--until-failure)"
    ),
    ReasonKind.STILL_BLOCKED: lambda reason: (
        f"task {reason.text('task')} is blocked still (--until-failure): answer it, or leave "
        "--until-failure out to go on with what does not need it"
    ),
    ReasonKind.BATCH_CAP: _as_text,
    ReasonKind.OTHERS_LEFT: _fixed(
        "the chosen tasks are through; `reviewloop batch` without `--tasks` and `--wave` goes on "
        "with the others"
    ),
    ReasonKind.NOT_COMMITTED: lambda reason: f"could not be committed: {reason.text('why')}",
    ReasonKind.BUILDS_ON: lambda reason: (
        f"it builds on {reason.text('run')}, which {reason.text('which')}"
    ),
    ReasonKind.CHANGE_EMPTY: _empty_change,
    ReasonKind.NO_TEST_RAN: _fixed("no tests ran, so nothing shows that this checkpoint holds"),
    ReasonKind.NO_FIX_KEPT: _fixed("no fix was kept, so there is nothing to commit"),
    ReasonKind.FIXES_UNREAD: _fixes_unread,
    ReasonKind.CHANGE_UNREAD: _fixed(
        "no reviewer could read the change, and nothing goes unreviewed"
    ),
    ReasonKind.GATES_RED: lambda reason: "; ".join(reason.lines("gates")) or "a guard-rail failed",
    ReasonKind.PROTECTED_FILES: _protected_files,
    ReasonKind.HOOK_BLOCKED: _as_text,
    ReasonKind.LFS_STOP: _as_text,
    ReasonKind.COMMIT_REFUSED: _refused_commit,
    ReasonKind.ANSWER_FIRST: _answer_first,
    ReasonKind.REBASED_THERE: _rebased_there,
    ReasonKind.COMMIT_NOTES: lambda reason: "; ".join(
        filter(None, (reason.text("moved"), *reason.lines("notes")))
    ),
}
"""A row for every kind; kinds with a finished sentence use `_as_text`."""
