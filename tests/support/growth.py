"""Tells whether work on a text grows with the square of the text, without a limit in seconds."""

import time
from collections.abc import Callable


def grows_faster_than_its_text(work: Callable[[str], object], text: str) -> bool:
    """Whether four times the text takes more than eight times as long; best of three each.

    Eight lies in the middle: what grows with the text takes four times as long, with its square
    sixteen times. A busy machine makes all of it slower, and seldom all three.
    """

    def seconds(text: str) -> float:
        taken = []
        for _ in range(3):
            started = time.process_time()
            work(text)
            taken.append(time.process_time() - started)
        return min(taken)

    return seconds(text) > 8 * seconds(text[: len(text) // 4]) + 0.01
