"""How fast we write: GitHub blocks who creates more than 80 comments and the like in a minute."""

import time
from collections import deque
from collections.abc import Callable

MOST = 80  # requests that create content, in `SECONDS`
SECONDS = 60.0


class Pace:
    """Counts the requests of one run that create content; `sleep` and `now` are the clock."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sleep, self._now = sleep, now
        self._made: deque[float] = deque(maxlen=MOST)

    def wait(self) -> None:
        """Wait until one more such request may be made, and count it."""
        if len(self._made) == MOST:
            left = self._made[0] + SECONDS - self._now()
            if left > 0:
                self.sleep(left)
        self._made.append(self._now())
