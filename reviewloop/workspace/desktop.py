"""Shows a notification on the desktop with the program that the system has for it."""

import shutil
import subprocess

_SECONDS = 5
# The texts are arguments, so that nothing in them is taken for a script.
_APPLE = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


def notify(title: str, text: str) -> str:
    """Show a notification; return why it could not be, "" else."""
    if program := shutil.which("notify-send"):
        argv = [program, "--app-name=reviewloop", "--", title, text]
    elif program := shutil.which("osascript"):
        argv = [program, "-e", _APPLE, title, text]
    else:
        return "the desktop was not told: there is no notify-send or osascript"
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the desktop was not told: {argv[0]} did not end within {_SECONDS} s"
    except OSError as error:
        return f"the desktop was not told: {argv[0]}: {error.strerror or error}"
    if done.returncode:
        return f"the desktop was not told: {argv[0]} ended with exit code {done.returncode}"
    return ""
