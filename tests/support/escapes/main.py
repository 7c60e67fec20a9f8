"""Makes every attempt to get out and says which succeeded.

Started as `python -I -S main.py STAGE ANSWER`: STAGE is a JSON file that says where the things
stand that no confined program may reach (see `support/escape_stage.py`). It uses the standard
library only. An attempt that returns has succeeded; one that raises was refused. Each is a process
of its own, so that one which is killed, or hangs, stops no other.
"""

import json
import os
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

if TYPE_CHECKING:
    from support.escapes import filesystem, kernel, network
    from support.escapes.filesystem import Attempt
else:
    import filesystem
    import kernel
    import network

ATTEMPTS = {**filesystem.ATTEMPTS, **network.ATTEMPTS, **kernel.ATTEMPTS}
SLOW = ("su", "listen where others connect")  # these wait, so that others go on meanwhile
SECONDS = 3
DONE = "done"


def main() -> None:
    with open(sys.argv[1]) as file:
        stage = SimpleNamespace(**json.load(file))
    begun = {name: begin(ATTEMPTS[name], stage) for name in SLOW}
    outcomes = {
        name: ended(*begin(attempt, stage))
        for name, attempt in ATTEMPTS.items()
        if name not in SLOW
    }
    outcomes |= {name: ended(*attempt) for name, attempt in begun.items()}
    with open(sys.argv[2], "w") as file:
        json.dump(outcomes, file)


def begin(attempt: "Attempt", stage: SimpleNamespace) -> tuple[int, int]:
    """Start an attempt; return its process id and where to read how it went."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            attempt(stage)
            said = DONE
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode()[:2000])
        os._exit(0)
    os.close(writing)
    return child, reading


def ended(child: int, reading: int) -> str:
    """Return DONE, or in a few words how the attempt was refused."""
    said = os.read(reading, 2000).decode()
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    return said or f"ended by signal {os.WTERMSIG(status)}"


if __name__ == "__main__":
    main()
