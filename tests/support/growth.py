"""Tells whether work on a text grows with the square of the text, without a limit in seconds."""

import time
from collections.abc import Callable


def grows_faster_than_its_text(work: Callable[[str], object], text: str) -> bool:
    """Whether four times the text takes more than ten times as long; best of two each."""

    def seconds(text: str) -> float:
        taken = []
        for _ in range(2):
            started = time.process_time()
            work(text)
            taken.append(time.process_time() - started)
        return min(taken)

    return seconds(text) > 10 * seconds(text[: len(text) // 4]) + 0.01
