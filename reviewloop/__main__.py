"""The program, installed or as `python -m reviewloop`: Ctrl-C has an end from the start."""

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; its parts are loaded here, so that Ctrl-C meanwhile is no traceback."""
    # Nearly all that a command makes lives until it ends: classes, rules, parsed files. With the
    # default of 700 objects a quarter of a review's time goes into walking them again and again.
    gc.set_threshold(50_000, 20, 50)
    try:
        from reviewloop.cli.main import main as run_and_exit

        run_and_exit()
    except KeyboardInterrupt:
        sys.stderr.write("reviewloop: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
