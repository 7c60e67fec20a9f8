"""How fast we write: GitHub blocks who creates more than 80 comments and the like in a minute."""

import time
from collections import deque
from collections.abc import Callable

MOST = 80  # requests that create content, in `SECONDS`
SECONDS = 60.0
LEAST = 10  # as slow as it gets


class Pace:
    """Counts the requests of one run that create content; `sleep` and `now` are the clock."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sleep, self.now = sleep, now
        self._most = MOST
        self._made: deque[float] = deque(maxlen=MOST)

    def wait(self) -> None:
        """Wait until one more such request may be made, and count it."""
        if len(self._made) >= self._most:
            left = self._made[-self._most] + SECONDS - self.now()
            if left > 0:
                self.sleep(left)
        self._made.append(self.now())

    def slow_down(self) -> None:
        """Go half as fast from now on: GitHub said that this was too fast for it."""
        self._most = max(LEAST, self._most // 2)
