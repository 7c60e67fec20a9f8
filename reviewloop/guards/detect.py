"""Finds out how a repository is built, tested, linted and scanned, without running any of it."""

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from reviewloop.guards import ecosystems, python_project
from reviewloop.guards.plan import COMMAND_GATES, DetectedGate, GateName, GatePlan
from reviewloop.guards.surroundings import Surroundings
from reviewloop.settings import Gate, Settings

_LOOKED_FOR: dict[GateName, str] = {
    "build": "Python files, a package.json or Makefile with a build entry, tsconfig.json, "
    "Cargo.toml, go.mod, pom.xml or build.gradle",
    "test": "pytest or unittest tests, a package.json or Makefile with a test entry, Cargo.toml, "
    "go.mod, pom.xml or build.gradle",
    "lint": "a configuration of ruff, flake8 or ESLint, or a package.json with a lint entry",
    "security": "bandit in the project's environment",
}

Find = Callable[[Surroundings], Iterator[DetectedGate]]
_FINDERS: tuple[Find, ...] = (
    python_project.find,
    ecosystems.find_node,
    ecosystems.find_cargo,
    ecosystems.find_go,
    ecosystems.find_maven,
    ecosystems.find_gradle,
)


def detect(
    settings: Settings,
    *,
    read: Callable[[str], bytes | None],
    paths: Collection[str],
    checkout: Path,
    sites: Collection[Path] = (),
    search_path: str | None = None,
) -> GatePlan:
    """Return the plan for a tree whose files are `paths`, read with `read`.

    Hand in the base tree, so that a change cannot rewrite what judges it. `checkout` is where
    node_modules is installed, `sites` where the project's Python packages are
    (`ProjectEnv.source.visible`), `search_path` the PATH of the gates. Settings come first; a gate
    without any entry says what was looked for.
    """
    around = Surroundings(
        read=read,
        paths=frozenset(paths),
        checkout=checkout,
        sites=tuple(sites),
        search_path=os.environ.get("PATH", os.defpath) if search_path is None else search_path,
    )
    found = [entry for find in _FINDERS for entry in find(around)]
    found += _makefile(around, {entry.name for entry in found})
    entries: list[DetectedGate] = []
    for name in COMMAND_GATES:
        gate: Gate = getattr(settings.gates, name)
        if not gate.enabled:
            why = f"gates.{name}.enabled is false"
            entries.append(DetectedGate(name, "", (), why, "off"))
        elif gate.command:
            entries.append(_configured(name, gate.command, around))
        else:
            entries += [entry for entry in found if entry.name == name] or [_nothing(name)]
    return GatePlan.collect(entries)


def _nothing(name: GateName) -> DetectedGate:
    why = f"no {name} gate detected; looked for {_LOOKED_FOR[name]}"
    return DetectedGate(name, "", (), why, "none")


def _configured(name: GateName, argv: tuple[str, ...], around: Surroundings) -> DetectedGate:
    kind = _kind(argv)
    problem = "" if "/" in argv[0] else around.missing(argv[0])
    return DetectedGate(name, kind, argv, f"gates.{name}.command", "configured", problem)


def _kind(argv: tuple[str, ...]) -> str:
    """Recognise a runner whose report we can ask for or read; anything else is a command."""
    program = argv[0].rsplit("/", 1)[-1]
    if program.startswith("python") and argv[1:2] == ("-m",) and len(argv) > 2:
        program = argv[2]
    known = {"py.test": "pytest", "mvnw": "maven", "mvn": "maven", "gradlew": "gradle"}
    kind = known.get(program, program)
    kinds = {"pytest", "unittest", "maven", "gradle", "cargo", "go", "ruff", "flake8", "bandit"}
    return kind if kind in kinds else "command"


def _makefile(around: Surroundings, found: set[GateName]) -> Iterator[DetectedGate]:
    """Use make only where nothing more telling was found: its targets usually call the same."""
    for name, target in ecosystems.make_targets(around):
        if name not in found:
            yield DetectedGate(
                name,
                "make",
                ("make", target),
                f"Makefile has a target {target}",
                problem=around.missing("make"),
            )
