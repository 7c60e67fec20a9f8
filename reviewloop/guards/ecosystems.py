"""Detects how Node, Rust, Go, Java and Makefile projects are built and tested."""

import re
from collections.abc import Iterator
from typing import Any

from reviewloop.guards.plan import DetectedGate, GateName
from reviewloop.guards.surroundings import Surroundings, table

_LOCK_FILES = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
)
_NO_TEST = re.compile(r"no test specified")
_ESLINT = (
    *(f"eslint.config.{ending}" for ending in ("js", "mjs", "cjs", "ts", "mts", "cts")),
    *(f".eslintrc{ending}" for ending in ("", ".js", ".cjs", ".json", ".yml", ".yaml")),
)
_LINTED = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_TARGET = re.compile(r"^(?P<name>[A-Za-z0-9_\-]+)\s*:(?![=:])", re.MULTILINE)


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
    """Whether ESLint reads files of this kind."""
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
    """Yield cargo's build and test; the network is never asked."""
    if not around.has("Cargo.toml"):
        return
    locked = ("--locked",) if around.has("Cargo.lock") else ()
    problem = around.missing("cargo")
    for name in ("build", "test"):
        argv = ("cargo", name, *locked, "--offline")
        yield DetectedGate(_gate(name), "cargo", argv, "Cargo.toml", problem=problem)


def find_go(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield go's build and test; `-v` because only then single tests are named."""
    if not around.has("go.mod"):
        return
    problem = around.missing("go")
    yield DetectedGate("build", "go", ("go", "build", "./..."), "go.mod", problem=problem)
    yield DetectedGate("test", "go", ("go", "test", "-v", "./..."), "go.mod", problem=problem)


def find_maven(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield Maven's compile and test, by the project's wrapper where there is one."""
    if not around.has("pom.xml"):
        return
    program = "./mvnw" if around.has("mvnw") else "mvn"
    problem = "" if program == "./mvnw" else around.missing("mvn")
    compile_ = (program, "-B", "-q", "-o", "-DskipTests", "compile")
    yield DetectedGate("build", "maven", compile_, "pom.xml", problem=problem)
    yield DetectedGate("test", "maven", (program, "-B", "-o", "test"), "pom.xml", problem=problem)


def find_gradle(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield Gradle's compile and test, by the project's wrapper where there is one."""
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
    """Yield the gates that a Makefile has a target for."""
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
