import pytest

from reviewloop.guards.detect import detect
from reviewloop.settings import Settings


@pytest.fixture
def plan_of(tmp_path):
    """Return a function: files of a tree, programs and packages installed -> plan."""

    def build(files, *, programs=(), packages=(), node_modules=(), settings=None):
        site, binaries, checkout = tmp_path / "site", tmp_path / "bin", tmp_path / "checkout"
        for package in packages:
            (site / package).mkdir(parents=True)
            (site / package / "__init__.py").touch()
        binaries.mkdir()
        checkout.mkdir()
        for program in programs:
            (binaries / program).touch(0o755)
        for program in node_modules:
            place = checkout / "node_modules/.bin" / program
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch(0o755)
        return detect(
            settings or Settings(),
            read=lambda path: files[path].encode() if path in files else None,
            paths=files,
            checkout=checkout,
            sites=[site],
            search_path=str(binaries),
        )

    return build


def only(plan, name):
    (entry,) = plan.of(name)
    return entry


def test_python_project_with_pytest_configuration(plan_of):
    files = {"pyproject.toml": "[tool.pytest.ini_options]\n", "a.py": ""}
    plan = plan_of(files, packages=["pytest"])
    assert only(plan, "test").argv == ("python", "-m", "pytest", "-q")
    assert only(plan, "test").why == "pyproject.toml configures pytest"
    assert only(plan, "build").argv == ("python", "-m", "py_compile")


def test_test_files_alone_are_enough(plan_of):
    plan = plan_of({"tests/test_a.py": "import unittest\n"}, packages=["pytest"])
    assert only(plan, "test").why == "test files such as tests/test_a.py"


def test_pytest_that_is_missing_is_said(plan_of):
    plan = plan_of({"pytest.ini": "[pytest]\n", "a.py": ""})
    assert not only(plan, "test").runnable
    assert "pytest is not installed" in only(plan, "test").problem


def test_unittest_where_nothing_asks_for_pytest(plan_of):
    plan = plan_of({"tests/test_a.py": "import unittest\n"})
    assert only(plan, "test").argv == ("python", "-m", "unittest", "discover", "-s", "tests")


@pytest.mark.parametrize(
    ("lock", "manager"),
    [
        ("package-lock.json", "npm"),
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
    ],
)
def test_lock_file_names_the_package_manager(plan_of, lock, manager):
    scripts = '{"scripts": {"build": "tsc", "test": "jest"}}'
    plan = plan_of({"package.json": scripts, lock: ""}, programs=[manager])
    assert only(plan, "build").argv == (manager, "run", "build")
    assert only(plan, "test").argv == (manager, "run", "test")
    assert lock in only(plan, "test").why


def test_npms_placeholder_is_no_test(plan_of):
    script = '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'
    assert only(plan_of({"package.json": script}, programs=["npm"]), "test").source == "none"


def test_dependencies_that_are_not_installed_are_said(plan_of):
    package = '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "1"}}'
    entry = only(plan_of({"package.json": package}, programs=["npm"]), "test")
    assert entry.problem == "node_modules is missing; run `npm install` in your checkout"


def test_typescript_and_eslint_from_node_modules(plan_of):
    files = {"package.json": "{}", "tsconfig.json": "{}", "eslint.config.js": ""}
    plan = plan_of(files, programs=["npm", "node"], node_modules=["tsc", "eslint"])
    assert only(plan, "build").argv == ("node_modules/.bin/tsc", "--noEmit")
    assert only(plan, "lint").kind == "eslint"


@pytest.mark.parametrize(
    ("files", "program", "build", "test"),
    [
        (
            ["Cargo.toml", "Cargo.lock"],
            "cargo",
            "cargo build --locked --offline",
            "cargo test --locked --offline",
        ),
        (["Cargo.toml"], "cargo", "cargo build --offline", "cargo test --offline"),
        (["go.mod"], "go", "go build ./...", "go test -v ./..."),
        (["pom.xml"], "mvn", "mvn -B -q -o -DskipTests compile", "mvn -B -o test"),
        (
            ["build.gradle", "gradlew"],
            "java",
            "./gradlew --offline --console=plain --no-daemon classes",
            "./gradlew --offline --console=plain --no-daemon test",
        ),
    ],
)
def test_other_languages(plan_of, files, program, build, test):
    plan = plan_of(dict.fromkeys(files, ""), programs=[program])
    assert " ".join(only(plan, "build").argv) == build
    assert " ".join(only(plan, "test").argv) == test
    assert only(plan, "test").runnable


def test_program_that_is_missing_is_said(plan_of):
    entry = only(plan_of({"go.mod": ""}), "test")
    assert entry.problem == "go is not installed (not on the gates' PATH)"


def test_makefile_fills_what_nothing_else_does(plan_of):
    makefile = "build: x\n\techo\ntest:\n\techo\nlint = 3\nlint-all:\n"
    plan = plan_of({"Makefile": makefile, "go.mod": ""}, programs=["make", "go"])
    assert only(plan, "test").kind == "go"
    plan_without = only(plan, "lint")
    assert plan_without.source == "none"


def test_settings_come_first(plan_of):
    settings = Settings.model_validate(
        {"gates": {"test": {"command": ("./check", "-a")}, "lint": {"enabled": False}}}
    )
    plan = plan_of({"pytest.ini": "[pytest]\n", "a.py": ""}, settings=settings)
    assert only(plan, "test").source == "configured"
    assert only(plan, "test").argv == ("./check", "-a")
    assert only(plan, "lint").source == "off"


def test_two_languages_have_two_entries(plan_of):
    files = {"pytest.ini": "[pytest]\n", "a.py": "", "go.mod": ""}
    plan = plan_of(files, packages=["pytest"], programs=["go"])
    assert [entry.kind for entry in plan.of("test")] == ["pytest", "go"]


def test_malformed_project_files_are_no_reason_to_fail(plan_of):
    files = {"package.json": "{", "pyproject.toml": "[[[", "setup.cfg": "x", "a.py": ""}
    plan = plan_of(files)
    assert only(plan, "test").source == "none"
