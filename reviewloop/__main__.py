"""The program, installed or as `python -m reviewloop`; Ctrl-C works from the start."""

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; imports happen here, so that Ctrl-C during them prints no traceback."""
    # Nearly all objects of a command live until it ends: classes, rules, parsed files. With the
    # default of 700 objects a quarter of a review's time is spent walking them.
    gc.set_threshold(50_000, 20, 50)
    try:
        from reviewloop.cli.main import main as run_and_exit
        from reviewloop.deferred import defer_packages

        defer_packages()
        run_and_exit()
    except KeyboardInterrupt:
        sys.stderr.write("reviewloop: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
