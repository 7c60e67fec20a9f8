"""The command that installs a package into the environment of reviewloop."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from reviewloop.installed import by_the_action, source
from reviewloop.llm.provider_table import Provider

_IN_THE_ACTION = (
    "on GitHub give the Action a key as its input, such as `openai-api-key`: it installs what "
    "that takes; for other providers run reviewloop in a job of your own"
)


def install_line(package: str, minimum: str = "") -> str:
    """Return the command for this environment: of uv, pipx or pip, whichever created it."""
    return _line([f"{package}>={minimum}" if minimum else package])


def _line(packages: list[str]) -> str:
    prefix = Path(sys.prefix)
    names = " ".join(shlex.quote(package) for package in packages)
    # Never our own name: on a package index it may belong to another program.
    if prefix.parts[-3:-1] == ("uv", "tools"):
        if origin := source():
            beside = " ".join(f"--with {shlex.quote(package)}" for package in packages)
            return f"uv tool install {beside} {shlex.quote(origin)}"
        return f"uv pip install --python {shlex.quote(sys.executable)} {names}"
    if "pipx" in prefix.parts:
        return f"pipx inject {prefix.name} {names}"
    if _made_by_uv(prefix):
        active = os.environ.get("VIRTUAL_ENV") == sys.prefix
        where = "" if active else f"--python {shlex.quote(sys.executable)} "
        return f"uv pip install {where}{names}"
    found = shutil.which("pip")
    if found and Path(found).parent == Path(sys.executable).parent:
        return f"pip install {names}"
    return f"{shlex.quote(sys.executable)} -m pip install {names}"


def install_advice(package: str, minimum: str = "") -> str:
    """Return advice about a missing package; inside the Action users cannot install any."""
    return _IN_THE_ACTION if by_the_action() else f"`{install_line(package, minimum)}`"


def package_problem(provider: Provider) -> tuple[str, str]:
    """Return the problem of a provider's package and the advice, or two ""."""
    from importlib import metadata

    from packaging.version import InvalidVersion, Version

    package = provider.package
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"the package {package} is not installed", install_advice(package)
    try:
        old = Version(version) < Version(provider.minimum)
    except InvalidVersion:
        old = False
    if old:
        problem = f"the package {package} {version} is older than {provider.minimum}"
        return problem, install_advice(package, provider.minimum)
    return "", ""


def _made_by_uv(prefix: Path) -> bool:
    try:
        return "\nuv = " in "\n" + (prefix / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
