"""The protected files of a change, apart from all others and never cut off."""

from rich.console import Console
from rich.text import Text

from reviewloop.output.proposal import ProtectedFile
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line

_DONE = {"A": "created", "M": "changed", "D": "deleted", "R": "moved", "T": "replaced"}


def render_protected(files: list[ProtectedFile], console: Console) -> None:
    """Print each protected file with what it does; nothing when there is none."""
    if not files:
        return
    console.print()
    console.print(Text(f"Protected files ({len(files)}): read them whole", style="bold"))
    for file in files:
        hanging(Text("  ! ", style="red"), Text(protected_line(file)), console)


def protected_line(file: ProtectedFile) -> str:
    """Return one protected file as a line: `.github/workflows/ci.yml created: it decides ...`."""
    done = _DONE.get(file.get("status", ""), "changed")
    asked = "; nobody asked for it" if file.get("unasked") else ""
    return f"{one_line(file['path'])} {done}: it {file.get('why', 'is protected')}{asked}"
