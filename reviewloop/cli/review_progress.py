"""One line on stderr that says what a review is doing, gone when it is over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(show: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a step; an empty one takes the line away."""
    if not show:
        yield lambda _: None
        return
    from reviewloop.cli.consoles import messages
    from reviewloop.output.untrusted import one_line

    with messages().status("reviewing", spinner="dots") as status:

        def told(step: str) -> None:
            if step:
                status.update(one_line(step))
            else:
                status.stop()

        yield told
