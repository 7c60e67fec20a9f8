"""An environment with what reviewloop-light brings, made from what is installed here."""

import subprocess
import sys
from functools import cache
from importlib import metadata
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@cache
def distributions() -> ModuleType:
    """Return `.ci/distributions` as a module."""
    loader = SourceFileLoader("distributions", str(ROOT / ".ci/distributions"))
    spec = spec_from_loader("distributions", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@cache
def packages() -> dict[str, metadata.Distribution]:
    """Return everything that reviewloop-light needs on this machine, by name."""
    found: dict[str, metadata.Distribution] = {}
    names = [Requirement(text).name for text in distributions().light_requirements()]
    while names:
        key = canonicalize_name(names.pop())
        if key in found:
            continue
        found[key] = metadata.distribution(key)
        wanted = map(Requirement, found[key].requires or ())
        names += [w.name for w in wanted if not w.marker or w.marker.evaluate({"extra": ""})]
    return found


def make_light(folder: Path) -> Path:
    """Make the environment in a new folder and return its Python; our sources are linked, too."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next((folder / "lib").glob("python3.*/site-packages"))
    for dist in packages().values():
        for file in dist.files or ():
            # Packages as a whole; programs, which stand outside, one by one.
            inside = file.parts[0] != ".."
            place = site / file.parts[0] if inside else folder / "bin" / file.name
            if not place.is_symlink():
                there = dist.locate_file(file.parts[0] if inside else file)
                place.symlink_to(Path(str(there)).resolve())
    (site / "sources.pth").write_text(f"{ROOT}\n")
    return folder / "bin/python"
