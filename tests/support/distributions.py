"""Distributions of others, installed beside a checkout, as an installer would lay them out."""

import json
import os
from pathlib import Path

from support.checkout import PACKAGE, QUIET_GATES, Checkout


class Machine(Checkout):
    """A checkout, and a folder of distributions beside it."""

    def __init__(self, repo: Path, tmp_path: Path) -> None:
        super().__init__(repo, tmp_path / "home", settings=QUIET_GATES)
        self.packages = tmp_path / "packages"
        self.environ["PYTHONPATH"] = os.pathsep.join((str(self.packages), str(PACKAGE)))

    def install(self, group: str, value: str, files: dict[str, str], *, name: str = "acme") -> int:
        """Install a distribution, and return how many files its author wrote.

        Those are its files and the pyproject.toml, of which an installer makes entry_points.txt.
        """
        return add(self.packages, group, value, files, name)

    def script(self, replies: object) -> str:
        path = self.packages.parent / "replies.json"
        path.write_text(json.dumps(replies))
        return f"script:{path}"


def add(folder: Path, group: str, value: str, files: dict[str, str], name: str = "acme") -> int:
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    about = folder / f"{name}_pack-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-pack\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[reviewloop.{group}]\n{name} = {value}\n")
    return len([path for path, text in files.items() if text]) + 1
