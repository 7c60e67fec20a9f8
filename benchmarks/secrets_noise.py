"""Measure how much of clean code is redacted for models, and how fast texts are searched.

python benchmarks/secrets_noise.py [FOLDER ...]

Reads every text file below the folders (by default: the installed packages and the standard library
of this interpreter) as a run reads it for a model, with thirty made-up values held. Prints files,
lines, megabytes, replacements (target: none), whether any line moved, and the speed. Hits in
examples of secrets in vendors' own packages are listed by path and kind, never by value.
"""

import random
import string
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from reviewloop.secrets import HeldSecrets, Redactor

_LARGEST = 1_000_000  # bytes: of larger files only pages are shown
_SUFFIXES = {
    *(".py", ".pyi", ".js", ".ts", ".json", ".md", ".rst", ".txt", ".toml", ".yaml", ".yml"),
    *(".cfg", ".ini", ".html", ".css", ".sh", ".c", ".h", ".go", ".rs", ".java", ".tf"),
}


def made_up(count: int = 30) -> HeldSecrets:
    """Return held values as on a real machine: random, of 16 to 48 characters."""
    drawn = random.Random(11)
    signs = string.ascii_letters + string.digits + "+/=_-"
    return HeldSecrets(
        (f"VALUE_{n}", "".join(drawn.choice(signs) for _ in range(drawn.randint(16, 48))))
        for n in range(count)
    )


def texts(folders: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the text files below the folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file() and path.stat().st_size <= _LARGEST:
                data = path.read_bytes()
                if b"\0" not in data[:8000]:
                    yield path, data.decode("utf-8", "replace")


def main(arguments: list[str]) -> None:
    """Measure and print."""
    paths = sysconfig.get_paths()
    folders = [Path(a) for a in arguments] or [Path(paths["purelib"]), Path(paths["stdlib"])]
    redactor = Redactor(made_up(), b"benchmark")
    files = lines = characters = moved = 0
    seconds = 0.0
    replaced: list[tuple[Path, list[str]]] = []
    for path, text in texts(folders):
        started = time.perf_counter()
        shown = redactor.for_models(text)
        seconds += time.perf_counter() - started
        files, lines, characters = files + 1, lines + text.count("\n"), characters + len(text)
        moved += shown.count("\n") != text.count("\n")
        if shown != text:
            new = [part.partition("⟧")[0] for part in shown.split("⟦secret:")[1:]]
            replaced.append((path, sorted({kind.rpartition(":")[0] for kind in new})))
    megabytes = characters / 1e6
    print(f"{files} files, {lines} lines, {megabytes:.1f} MB")
    print(f"files with replacements: {len(replaced)}; files with another number of lines: {moved}")
    for path, kinds in replaced:
        print(f"  {path}: {', '.join(kinds)}")
    print(f"{megabytes / seconds:.1f} MB/s, {1000 * seconds / megabytes:.0f} ms per MB")


if __name__ == "__main__":
    main(sys.argv[1:])
