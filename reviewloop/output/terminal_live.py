"""Begins to draw a screen again and again, where the terminal can."""

from collections.abc import Callable

from rich.console import Console, RenderableType
from rich.live import Live


def drawing(
    console: Console,
    screen: Callable[[], RenderableType],
    *,
    per_second: float,
    stays: bool = True,
) -> Live | None:
    """Return what draws the screen from now on, until it is stopped; None where lines go instead.

    Unless it `stays`, what was drawn is taken away at the end.
    What the program prints meanwhile stays its own: nothing is redirected.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    live = Live(
        get_renderable=screen,
        console=console,
        refresh_per_second=per_second,
        redirect_stdout=False,
        redirect_stderr=False,
        transient=not stays,
    )
    live.start()
    return live
