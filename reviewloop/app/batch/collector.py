"""Python's garbage collector in a long batch: what was imported stays in use to its end."""

import gc
from functools import cache


@cache
def spare_the_collector() -> None:
    """Have it not go through all that was imported again; said once a run has ended.

    It did so every few tasks, for a tenth of a second each time. Once per process: what is in
    cycles and alive at that moment is never freed.
    """
    gc.collect()
    gc.freeze()
