"""Make docs/pictures from the real program: `python docs/make_pictures.py [FOLDER]`.

The terminal is drawn as SVG by rich. The HTML report is photographed by Chromium, which has to be
installed; without it the report's picture is left as it is.
"""

import fcntl
import io
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH, HEIGHT = 100, 40
PROMPT = "[a]pprove"
REPOSITORY = "roombook"  # of the demo, with planted problems
_REDRAW = re.compile(r"\r?(?:\x1b\[(?:1A|2K)\r?)+")
_NO_COLOUR = re.compile(r"\x1b\[(?![\d;]*m)[?\d;]*[A-Za-z]|\x1b\][^\a\x1b]*(?:\a|\x1b\\)|\r")
_AT_WORK = re.compile("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]")
_WEB_FONT = re.compile(r"@font-face\s*\{[^}]*\}", re.DOTALL)


def on_terminal(command: list[str], home: Path, place: str = "", answer: str = "") -> str:
    """Run the program on a terminal of its own and return all it wrote there.

    It runs in the folder `place` of `home`. `answer` is typed once, when the question comes.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    names = ("PATH", "LANG", "PYTHONPATH", "PYTHONSAFEPATH")
    environ = {name: os.environ[name] for name in names if name in os.environ}
    environ |= {"HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environ |= {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(home)}
    program = [sys.executable, "-m", "reviewloop", *command]
    running = subprocess.Popen(
        program, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, cwd=home / place,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, asked = bytearray(), False
    while running.poll() is None or select.select([ours], [], [], 0)[0]:
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            said += os.read(ours, 65_536)
        except OSError:  # Linux says so when the other end is closed
            break
        if answer and not asked and PROMPT in said.decode("utf-8", "replace"):
            asked = True
            os.write(ours, answer.encode())
    running.wait()
    os.close(ours)
    return said.decode("utf-8", "replace").replace("\r\n", "\n")


def frames(said: str) -> list[str]:
    """Return what stood on the terminal each time that the live table was drawn anew."""
    return [_NO_COLOUR.sub("", frame) for frame in _REDRAW.split(said)]


def draw(shown: str, title: str, path: Path) -> None:
    """Write what a terminal showed as an SVG that loads nothing."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for line in shown.strip("\n").split("\n"):
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    path.write_text(_WEB_FONT.sub("", console.export_svg(title=title)), encoding="utf-8")


def part(said: str, begins: str, until: Callable[[str], bool]) -> str:
    """Return the lines from the first that holds some words to the last before another."""
    lines = said.split("\n")
    plain = [Text.from_ansi(line).plain for line in lines]
    first = next(n for n, line in enumerate(plain) if begins in line)
    rest = range(first + 1, len(plain))
    return "\n".join(lines[first : next((n for n in rest if until(plain[n])), len(plain))])


def review(folder: Path, home: Path) -> None:
    """Draw the beginning of a review of the demo's repository."""
    said = frames(on_terminal(["review"], home, REPOSITORY))[-1]
    lines = said[said.index("Reviewed ") :].strip("\n").split("\n")
    draw("\n".join(lines[:36]), "reviewloop review", folder / "review.svg")


def report(folder: Path, home: Path) -> None:
    """Photograph the HTML report of the same review."""
    from playwright.sync_api import sync_playwright

    page = home / "report.html"
    on_terminal(["review", "--format", "html", "-o", str(page)], home, REPOSITORY)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        view = browser.new_page(viewport={"width": 1100, "height": 800})
        view.goto(page.as_uri())
        view.screenshot(path=folder / "report.png")
        browser.close()


def run(folder: Path, said: str) -> None:
    """Draw the live table and the question of a run, from all that it wrote."""
    told = frames(said)
    live = max(told, key=lambda frame: len(_AT_WORK.findall(frame)))
    draw(live, "reviewloop run: at work", folder / "live.svg")
    asked = part(told[-1], "Ready for your decision", lambda line: PROMPT in line)
    draw(asked, "reviewloop run: your decision", folder / "decision.svg")


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        on_terminal(["demo", "--review", REPOSITORY], Path(home))
        review(folder, Path(home))
        if shutil.which("chromium"):
            report(folder, Path(home))
        run(folder, on_terminal(["demo"], Path(home), answer="s\n"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("pictures"))
