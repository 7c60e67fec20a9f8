"""Small projects with a spec that is in step, as text files with a head for each file."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data/drift"
NAMES = sorted(path.stem for path in (FOLDER / "projects").glob("*.txt"))
_HEAD = "=== "


def files_of(name: str) -> dict[str, str]:
    """Return {path: text} of a project."""
    found: dict[str, str] = {}
    path = ""
    text = (FOLDER / f"projects/{name}.txt").read_text("utf-8")
    for line in text.splitlines(keepends=True):
        if line.startswith(_HEAD):
            path = line.removeprefix(_HEAD).strip()
            found[path] = ""
        else:
            found[path] += line
    return found


def write(root: Path, files: dict[str, str]) -> None:
    """Write a project's files."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")


def committed(root: Path, name: str) -> Path:
    """Write a project into a new repository, with one commit."""
    root.mkdir(parents=True)
    write(root, files_of(name))
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "as built")):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(("git", *who, *words), cwd=root, check=True, capture_output=True)
    return root
