"""The program, installed or as `python -m reviewloop`: Ctrl-C has an end from the start."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; its parts are loaded here, so that Ctrl-C meanwhile is no traceback."""
    try:
        from reviewloop.cli.main import main as run_and_exit

        run_and_exit()
    except KeyboardInterrupt:
        sys.stderr.write("reviewloop: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
