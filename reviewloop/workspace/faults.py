"""Named points at which a test may kill the process, to prove that a resumed run loses nothing."""

import os
import signal

_VARIABLE = "REVIEWLOOP_FAULT"


def fault(name: str) -> None:
    """Kill this process with SIGKILL if `REVIEWLOOP_FAULT` names this point.

    The value is `name`, or `name:k` for the k-th time the point is passed (counted from 1).
    """
    wanted, _, number = os.environ.get(_VARIABLE, "").partition(":")
    if wanted != name:
        return
    left = int(number or 1) - 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    os.environ[_VARIABLE] = f"{name}:{left}"  # the variable is the counter: no state of our own
