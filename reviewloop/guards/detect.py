"""Detects the commands that build, test, lint and scan a repository, without running any."""

import configparser
import json
import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.git.process import find_program
from reviewloop.guards.plan import COMMAND_GATES, DetectedGate, GateName, GatePlan
from reviewloop.regex import regex
from reviewloop.settings import Gate, Settings


@dataclass(frozen=True)
class Surroundings:
    """Reads the repository; a file that cannot be parsed counts as empty."""

    read: Callable[[str], bytes | None]
    paths: frozenset[str]
    checkout: Path
    sites: tuple[Path, ...]
    search_path: str

    def has(self, *names: str) -> str | None:
        """Return the first of these files in the tree, or None."""
        return next((name for name in names if name in self.paths), None)

    def installed(self, package: str) -> bool:
        """Whether the project's Python environment has this package; nothing is imported."""
        return any((site / package / "__init__.py").is_file() for site in self.sites)

    def missing(self, program: str) -> str:
        """Return a sentence if the program is not on the gates' PATH, else ""."""
        if program == "python" or find_program(program, self.search_path) is not None:
            return ""
        return f"{program} is not installed (not on the gates' PATH)"

    def in_node_modules(self, program: str) -> bool:
        """Whether the checkout's node_modules contains this program."""
        return (self.checkout / "node_modules" / ".bin" / program).exists()

    def text(self, path: str) -> str:
        """Return a file's text, "" for a missing file."""
        data = self.read(path) if path in self.paths else None
        return (data or b"").decode("utf-8", "replace")

    def toml(self, path: str) -> dict[str, Any]:
        """Return a TOML file's tables, none when it is missing or malformed."""
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError):
            return {}

    def json(self, path: str) -> dict[str, Any]:
        """Return a JSON file's object, an empty one when it is missing or malformed."""
        try:
            value = json.loads(self.text(path) or "{}")
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def ini_sections(self, path: str) -> frozenset[str]:
        """Return the names of an ini file's sections."""
        return frozenset(self.ini(path))

    def ini(self, path: str) -> dict[str, dict[str, str | None]]:
        """Return an ini file's sections, none when it is missing or malformed."""
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(path))
        except configparser.Error:
            return {}
        return {name: dict(parser.items(name)) for name in parser.sections()}


def table(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return a nested table, an empty one if a key is missing or no table."""
    for key in keys:
        inner = value.get(key)
        if not isinstance(inner, dict):
            return {}
        value = inner
    return value


_TEST_FILE = regex(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")


def find(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield the gates of a tree with Python files."""
    if not any(path.endswith(".py") for path in around.paths):
        return
    yield DetectedGate("build", "py_compile", ("python", "-m", "py_compile"), "Python files")
    yield from _tests(around)
    yield from _lint(around)
    if around.installed("bandit"):
        argv = ("python", "-m", "bandit", "--format", "json", "--quiet")
        why = "bandit is installed in the project's environment"
        yield DetectedGate("security", "bandit", argv, why)


def _tests(around: Surroundings) -> Iterator[DetectedGate]:
    config = _pytest_config(around)
    tests = sorted(path for path in around.paths if _TEST_FILE.search(path))
    django = around.has("manage.py") and not around.installed("pytest_django")
    if not config and not tests and not (django and _has_tests_module(around)):
        return
    if django and not config:
        argv = ("python", "manage.py", "test")
        yield DetectedGate("test", "unittest", argv, "manage.py of a Django project")
        return
    why = f"{config} configures pytest" if config else f"test files such as {tests[0]}"
    if around.installed("pytest"):
        yield DetectedGate("test", "pytest", ("python", "-m", "pytest", "-q"), why)
    elif config or any("pytest" in around.text(path) for path in tests[:50]):
        problem = "pytest is not installed in the project's environment; install it there"
        yield DetectedGate("test", "pytest", ("python", "-m", "pytest", "-q"), why, problem=problem)
    else:
        folder = tests[0].split("/")[0] if "/" in tests[0] else ""
        packaged = not folder or f"{folder}/__init__.py" in around.paths
        where = () if packaged else ("discover", "-s", folder)
        yield DetectedGate("test", "unittest", ("python", "-m", "unittest", *where), why)


def _pytest_config(around: Surroundings) -> str | None:
    if name := around.has("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"):
        return name
    if table(around.toml("pyproject.toml"), "tool", "pytest"):
        return "pyproject.toml"
    if "pytest" in around.ini_sections("tox.ini"):
        return "tox.ini"
    if "tool:pytest" in around.ini_sections("setup.cfg"):
        return "setup.cfg"
    return around.has("conftest.py", "tests/conftest.py", "test/conftest.py")


def _has_tests_module(around: Surroundings) -> bool:
    return any(path.endswith(("/tests.py", "/tests/__init__.py")) for path in around.paths)


def _lint(around: Surroundings) -> Iterator[DetectedGate]:
    ruff = around.has("ruff.toml", ".ruff.toml")
    if not ruff and table(around.toml("pyproject.toml"), "tool", "ruff"):
        ruff = "pyproject.toml"
    if ruff:
        command = ("check", "--output-format", "json", "--no-cache", "--force-exclude")
        yield _linter(around, "ruff", command, f"{ruff} configures ruff")
        return
    flake8 = around.has(".flake8")
    for name in ("setup.cfg", "tox.ini"):
        if not flake8 and "flake8" in around.ini_sections(name):
            flake8 = name
    if flake8:
        yield _linter(around, "flake8", (), f"{flake8} configures flake8")


def _linter(around: Surroundings, tool: str, arguments: tuple[str, ...], why: str) -> DetectedGate:
    argv: tuple[str, ...] = ("python", "-m", tool, *arguments)
    problem = ""
    if not around.installed(tool):
        argv = (tool, *arguments)
        problem = around.missing(tool) and f"{tool} is not installed in the project's environment"
    return DetectedGate("lint", tool, argv, why, problem=problem)


def find_formatters(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield the formatters that the repository configures."""
    for kind, find_configuration in _FORMATTER_OF.items():
        why = find_configuration(around)
        if not why:
            continue
        argv, problem = _formatter(around, kind)
        yield DetectedGate("format", kind, argv, why, problem=problem)


def _formatter(around: Surroundings, kind: str) -> tuple[tuple[str, ...], str]:
    if kind == "prettier":
        program = "node_modules/.bin/prettier"
        if around.in_node_modules(kind):
            return (program,), around.missing("node")
        return (program,), "prettier is not installed in node_modules"
    command: tuple[str, ...] = (kind, "format") if kind == "ruff" else (kind,)
    if kind in {"ruff", "black"} and around.installed(kind):
        return ("python", "-m", *command), ""
    if kind == "rustfmt":
        edition = table(around.toml("Cargo.toml"), "package").get("edition")
        command = (kind, "--edition", edition) if isinstance(edition, str) else command
    return command, around.missing(kind)


def _prettier(around: Surroundings) -> str:
    endings = ("", ".json", ".json5", ".yml", ".yaml", ".toml", ".js", ".mjs", ".cjs", ".ts")
    own = around.has(
        *(f".prettierrc{ending}" for ending in endings),
        *(f"prettier.config.{ending}" for ending in ("js", "mjs", "cjs", "ts")),
    )
    if not own and "prettier" in around.json("package.json"):
        own = "package.json"
    return f"{own} configures Prettier" if own else ""


def _ruff_format(around: Surroundings) -> str:
    for name in ("ruff.toml", ".ruff.toml"):
        if "format" in around.toml(name):
            return f"{name} configures ruff's formatter"
    if table(around.toml("pyproject.toml"), "tool", "ruff", "format"):
        return "pyproject.toml configures ruff's formatter"
    return _pre_commit(around, "ruff-format")


def _black(around: Surroundings) -> str:
    if "black" in table(around.toml("pyproject.toml"), "tool"):
        return "pyproject.toml configures black"
    return _pre_commit(around, "black")


def _pre_commit(around: Surroundings, hook: str) -> str:
    name = ".pre-commit-config.yaml"
    runs = re.search(rf"^\s*-\s+id:\s*{hook}\s*$", around.text(name), re.MULTILINE)
    return f"{name} runs {hook}" if runs else ""


def _gofmt(around: Surroundings) -> str:
    return "go.mod" if around.has("go.mod") else ""


def _rustfmt(around: Surroundings) -> str:
    own = around.has("rustfmt.toml", ".rustfmt.toml", "Cargo.toml")
    return f"{own} configures rustfmt" if own and own != "Cargo.toml" else own or ""


_FORMATTER_OF = {
    "prettier": _prettier,
    "ruff": _ruff_format,
    "black": _black,
    "gofmt": _gofmt,
    "rustfmt": _rustfmt,
}
_LOCK_FILES = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
)
_NO_TEST = regex(r"no test specified")
_ESLINT = (
    *(f"eslint.config.{ending}" for ending in ("js", "mjs", "cjs", "ts", "mts", "cts")),
    *(f".eslintrc{ending}" for ending in ("", ".js", ".cjs", ".json", ".yml", ".yaml")),
)
_LINTED = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_TARGET = regex(r"^(?P<name>[A-Za-z0-9_\-]+)\s*:(?![=:])", re.MULTILINE)


def find_node(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield the scripts of package.json, the TypeScript compiler and ESLint."""
    package = around.json("package.json")
    if not around.has("package.json"):
        return
    manager, seen = _package_manager(around, package)
    problem = around.missing(manager) or _not_installed(around, package, manager)
    scripts = table(package, "scripts")

    def script(name: GateName) -> DetectedGate:
        argv = (manager, "run", name)
        why = f"script {name} of package.json, {seen}"
        return DetectedGate(name, "node", argv, why, problem=problem)

    if "build" in scripts:
        yield script("build")
    elif around.has("tsconfig.json") and around.in_node_modules("tsc"):
        tsc = ("node_modules/.bin/tsc", "--noEmit")
        yield DetectedGate("build", "tsc", tsc, "tsconfig.json", problem=around.missing("node"))
    if "test" in scripts and not _NO_TEST.search(str(scripts["test"])):
        yield script("test")
    config = around.has(*_ESLINT) or ("package.json" if "eslintConfig" in package else None)
    if config and around.in_node_modules("eslint"):
        eslint = ("node_modules/.bin/eslint", "--format", "json", "--no-error-on-unmatched-pattern")
        why = f"{config} configures ESLint"
        yield DetectedGate("lint", "eslint", eslint, why, problem=around.missing("node"))
    elif "lint" in scripts:
        yield script("lint")


def is_linted_by_eslint(path: str) -> bool:
    """Whether ESLint handles files of this kind."""
    return path.endswith(_LINTED)


def _package_manager(around: Surroundings, package: dict[str, Any]) -> tuple[str, str]:
    declared = str(package.get("packageManager", "")).split("@")[0]
    if declared in {"npm", "pnpm", "yarn", "bun"}:
        return declared, f"packageManager says {declared}"
    for lock_file, manager in _LOCK_FILES:
        if around.has(lock_file):
            return manager, f"{lock_file} says {manager}"
    return "npm", "no lock file: npm"


def _not_installed(around: Surroundings, package: dict[str, Any], manager: str) -> str:
    needed = {**table(package, "dependencies"), **table(package, "devDependencies")}
    present = any((around.checkout / name).exists() for name in ("node_modules", ".pnp.cjs"))
    if not needed or present:
        return ""
    return f"node_modules is missing; run `{manager} install` in your checkout"


def find_cargo(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield cargo's build and test, without network access."""
    if not around.has("Cargo.toml"):
        return
    locked = ("--locked",) if around.has("Cargo.lock") else ()
    problem = around.missing("cargo")
    for name in ("build", "test"):
        argv = ("cargo", name, *locked, "--offline")
        yield DetectedGate(_gate(name), "cargo", argv, "Cargo.toml", problem=problem)


def find_go(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield go's build and test; only `-v` prints single tests."""
    if not around.has("go.mod"):
        return
    problem = around.missing("go")
    yield DetectedGate("build", "go", ("go", "build", "./..."), "go.mod", problem=problem)
    yield DetectedGate("test", "go", ("go", "test", "-v", "./..."), "go.mod", problem=problem)


def find_maven(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield Maven's compile and test, by the project's wrapper if it has one."""
    if not around.has("pom.xml"):
        return
    program = "./mvnw" if around.has("mvnw") else "mvn"
    problem = "" if program == "./mvnw" else around.missing("mvn")
    compile_ = (program, "-B", "-q", "-o", "-DskipTests", "compile")
    yield DetectedGate("build", "maven", compile_, "pom.xml", problem=problem)
    yield DetectedGate("test", "maven", (program, "-B", "-o", "test"), "pom.xml", problem=problem)


def find_gradle(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield Gradle's compile and test, by the project's wrapper if it has one."""
    names = ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
    script = around.has(*names)
    if not script:
        return
    program = "./gradlew" if around.has("gradlew") else "gradle"
    problem = "" if program == "./gradlew" else around.missing("gradle")
    flags = ("--offline", "--console=plain", "--no-daemon")
    yield DetectedGate("build", "gradle", (program, *flags, "classes"), script, problem=problem)
    yield DetectedGate("test", "gradle", (program, *flags, "test"), script, problem=problem)


def make_targets(around: Surroundings) -> Iterator[tuple[GateName, str]]:
    """Yield the gates with a target in a Makefile."""
    makefile = around.has("GNUmakefile", "makefile", "Makefile")
    if not makefile:
        return
    targets = {match.group("name") for match in _TARGET.finditer(around.text(makefile))}
    for name in ("build", "test", "lint"):
        if name in targets:
            yield _gate(name), name


def _gate(name: str) -> GateName:
    names: dict[str, GateName] = {"build": "build", "test": "test", "lint": "lint"}
    return names[name]


_LOOKED_FOR: dict[GateName, str] = {
    "build": "Python files, a package.json or Makefile with a build entry, tsconfig.json, "
    "Cargo.toml, go.mod, pom.xml or build.gradle",
    "test": "pytest or unittest tests, a package.json or Makefile with a test entry, Cargo.toml, "
    "go.mod, pom.xml or build.gradle",
    "lint": "a configuration of ruff, flake8 or ESLint, or a package.json with a lint entry",
    "format": "a configuration of Prettier, ruff format, black or rustfmt, or a go.mod",
    "security": "bandit in the project's environment",
}

SCANNERS: dict[str, tuple[str, ...]] = {
    "trivy": (
        *("trivy", "fs", "--format", "json", "--quiet", "--scanners", "vuln,misconfig,secret"),
        *("--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-check-update"),
        ".",
    ),
    "grype": ("grype", "dir:.", "-o", "json", "--quiet"),
}
"""Commands of the scanners with a known report; they run without network, on local data."""

Find = Callable[[Surroundings], Iterator[DetectedGate]]
_FINDERS: tuple[Find, ...] = (
    find,
    find_node,
    find_cargo,
    find_go,
    find_maven,
    find_gradle,
    find_formatters,
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
    """Return the plan for a tree with the files `paths`, read with `read`.

    Pass the base tree, so that a change cannot rewrite its own checks. `checkout` has node_modules,
    `sites` are the folders of the project's Python packages (`ProjectEnv.source.visible`),
    `search_path` is the PATH of the gates. Settings have priority; a gate without a command says
    what was looked for.
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
        scanner = settings.gates.security.tool if name == "security" else ""
        if name == "format" and not settings.gates.format.is_requested:
            continue
        if not gate.enabled and name != "format":
            why = f"gates.{name}.enabled is false"
            entries.append(DetectedGate(name, "", (), why, "off"))
        elif scanner:
            argv = gate.command or SCANNERS[scanner]
            problem = "" if "/" in argv[0] else around.missing(argv[0])
            why = "gates.security.tool"
            entries.append(DetectedGate(name, scanner, argv, why, "configured", problem))
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
    """Recognise a runner with a report that we can request or read; any other is a command."""
    program = argv[0].rsplit("/", 1)[-1]
    if program.startswith("python") and argv[1:2] == ("-m",) and len(argv) > 2:
        program = argv[2]
    known = {"py.test": "pytest", "mvnw": "maven", "mvn": "maven", "gradlew": "gradle"}
    kind = known.get(program, program)
    kinds = {"pytest", "unittest", "maven", "gradle", "cargo", "go", "ruff", "flake8", "bandit"}
    return kind if kind in kinds else "command"


def _makefile(around: Surroundings, found: set[GateName]) -> Iterator[DetectedGate]:
    """Use make only if nothing more specific was found: its targets usually call the same."""
    for name, target in make_targets(around):
        if name not in found:
            yield DetectedGate(
                name,
                "make",
                ("make", target),
                f"Makefile has a target {target}",
                problem=around.missing("make"),
            )
