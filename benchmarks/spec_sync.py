"""Measure `spec sync --check`: 600 files of a project, 50 of them changed, one spec.

python benchmarks/spec_sync.py

The project is created each time: ten modules of routes in each of twenty packages, with models,
settings and tests that name criteria. Times are of the whole comparison in this process, without
the start of Python; the best of five.
"""

import subprocess
import tempfile
import time
from pathlib import Path

from reviewloop.app.spec.sync import sync_specs
from reviewloop.git.repository import discover

PACKAGES, MODULES, CHANGED = 20, 10, 50
ROUTES = """\
import os

from fastapi import APIRouter

router = APIRouter(prefix="/{package}/{module}")
LIMIT = os.environ.get("LIMIT_{package}_{module}".upper(), "10")


class Service{package}x{module}:
    def read(self, number: int) -> dict:
        return {{"number": number}}


@router.get("/{{number}}")
def read(number: int) -> dict:
    return Service{package}x{module}().read(number)
"""
MODEL = """\
from sqlalchemy.orm import DeclarativeBase


class Row{package}x{module}(DeclarativeBase):
    __tablename__ = "rows_{package}_{module}"
"""


def build(root: Path) -> None:
    """Write the project and commit it."""
    pairs = [(package, module) for package in range(PACKAGES) for module in range(MODULES)]
    spec = root / ".kiro/specs/all"
    spec.mkdir(parents=True)
    criteria = "\n".join(f"{n}. THE system SHALL do {n}" for n in range(1, len(pairs) + 1))
    (spec / "requirements.md").write_text(f"### Requirement 1: All\n\n{criteria}\n")
    rows = "\n".join(f"- `GET /{package}/{module}/{{number}}`" for package, module in pairs)
    tables = "\n".join(f"- `rows_{package}_{module}`: rows" for package, module in pairs)
    (spec / "design.md").write_text(f"# Design\n\n## API\n\n{rows}\n\n## Tables\n\n{tables}\n")
    (spec / "tasks.md").write_text("- [x] 1. All\n  - _Requirements: 1_\n")
    for number, (package, module) in enumerate(pairs, 1):
        folder = root / f"app/p{package}"
        folder.mkdir(parents=True, exist_ok=True)
        names = {"package": package, "module": module}
        (folder / f"routes{module}.py").write_text(ROUTES.format(**names))
        (folder / f"models{module}.py").write_text(MODEL.format(**names))
        test = root / f"tests/test_{package}_{module}.py"
        test.parent.mkdir(exist_ok=True)
        test.write_text(f'def test_it():\n    """Requirement 1.{number}"""\n')
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run(("git", *who, *words), cwd=root, check=True)
    for package, module in pairs[:CHANGED]:
        file = root / f"app/p{package}/routes{module}.py"
        file.write_text(file.read_text().replace("/{number}", "/{number}/again"))


def main() -> None:
    """Print files, drift and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(root)
        user = discover(root, for_reading=True)
        files = sum(1 for path in root.rglob("*.py"))
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            report = sync_specs(user, (), check=True)
            times.append(time.perf_counter() - begin)
        drift = len(report.drift.drifts)
        print(f"{files} files, {CHANGED} changed, {drift} parted: {min(times):.2f} s")


if __name__ == "__main__":
    main()
