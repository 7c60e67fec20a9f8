"""Imports the loop and a model's libraries behind the analysers, whose programs are waited for."""

import threading
from functools import cache


@cache
def loading(model: str) -> threading.Thread:
    """Start to import what asking this model takes, once; join the thread before any of it is used.

    Two threads that import libraries whose modules need each other could see half of one.
    """

    def work() -> None:
        import reviewloop.graph  # noqa: F401
        from reviewloop.models.loading import load_libraries

        load_libraries(model)

    thread = threading.Thread(target=work, name="loading", daemon=True)
    thread.start()
    return thread
