"""A dialect that another distribution adds is checked, merged, compared, adopted and written.

Each by what it declares of itself; where it declares nothing, one sentence says so.
"""

import ast
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.distributions import Machine
from support.spec_script import HIGH_LEVEL, LOW_LEVEL, REQUIREMENTS, TASKS, document, questions

import reviewloop
from reviewloop.specs.dialect import dialects

BEGINNING = '''"""Acme's specs: a folder each, of text files."""

from reviewloop.domain.task import Spec, SpecRef
from reviewloop.specs.dialect import CheckedAs, Dialect, MergedSpec, Merging, Writing
from reviewloop.specs.files import Documents
from reviewloop.specs.lines import read_document
from reviewloop.specs.requirements import read_requirements
from reviewloop.specs.tasks import read_tasks

NAMES = {"need.txt", "how.txt", "work.txt"}


def find(files):
    folders = {}
    for path in files.paths("acme"):
        parts = path.split("/")
        if len(parts) == 3 and parts[2] in NAMES:
            folders.setdefault("/".join(parts[:2]), set()).add(parts[2])
    return [ref(folder, names) for folder, names in sorted(folders.items())]


def ref(folder, names):
    tasks = f"{folder}/work.txt" if "work.txt" in names else ""
    return SpecRef(folder.rpartition("/")[2], "acme", folder, tasks)


def read(files, ref):
    documents = Documents(files)
    path = ref.tasks_path or f"{ref.path}/work.txt"
    listed = read_tasks(documents.read(path) or b"", path, "acme")
    needed = documents.read(f"{ref.path}/need.txt") or b""
    requirements = read_requirements(read_document(needed).lines)
    design = documents.text(f"{ref.path}/how.txt")
    digests = {path: "", **documents.digests}
    return Spec(ref.name, "acme", ref.path, path, digests, listed.tasks, requirements, design)


def deltas(files, change):
    name = change.rpartition("/")[2]
    return {path: f"living/{name}.txt" for path in files.paths(f"{change}/new")}


def merge(path, living, base, delta_path, delta):
    merged = MergedSpec(path, living)
    if living is not None and base is not None and living != base:
        merged.conflicts.append(f"{delta_path}: {path} is another one now")
    elif delta not in (living or b""):
        merged.data = (living or b"") + delta
        merged.steps.append("added the lines")
    return merged


def touched(delta):
    lines = delta.decode().splitlines()
    return [(line, number) for number, line in enumerate(lines, 1)]


CHECKS = CheckedAs({"need.txt": "requirements", "how.txt": "design", "work.txt": "tasks"})
CHANGE = CheckedAs(dict(CHECKS.parts), is_change=True)
WRITING = Writing(
    lambda files, name: f"acme/{name}",
    ("need.txt", "how.txt", "how.txt", "work.txt"),
    set_up="acme",
    forms={"requirements": "Acme wants its own words."},
    adopts_plans=True,
)
MERGING = Merging(deltas, merge, touched, is_living=lambda path: path.startswith("living/"))
'''
DECLARED = "checks=CHECKS, writing=WRITING, merging=MERGING"
NEED = """\
# Rooms

### Requirement 1: Find a room

#### Acceptance Criteria

1. WHEN a guest looks for a room THEN the hotel SHALL answer quickly
"""
WORK = "# Work\n\n- [ ] 1. List the rooms\n  - _Requirements: 1.1_\n"


@pytest.fixture
def hotel(repo, tmp_path):
    """Return a project with a spec of Acme's, and what installs its dialect."""
    machine = Machine(repo, tmp_path)
    machine.write("acme/rooms/need.txt", NEED)

    def of(declared: str = DECLARED, there: Mapping[str, str] | None = None) -> Machine:
        for path, text in (there or {}).items():
            machine.write(path, text)
        dialect = f'DIALECT = Dialect("acme", find, read, "acme/<name>/work.txt", {declared})\n'
        files = {"acme_hotel.py": f"{BEGINNING}\n\n{dialect}"}
        assert machine.install("dialects", "acme_hotel:DIALECT", files) <= 2
        machine.git("add", ".")
        machine.git("commit", "-q", "-m", "spec")
        return machine

    return of


def found(machine: Machine) -> set[tuple[str, str]]:
    said = machine.forked("spec", "check", "--json")
    assert said.code in (0, 1), said
    return {
        (one["rule"], one["path"])
        for spec in json.loads(said.out)["specs"]
        for one in spec["findings"]
    }


@pytest.mark.slow
def test_checks_read_the_parts_that_it_declares(hotel):
    hits = found(hotel())

    assert ("spec/vague", "acme/rooms/need.txt") in hits
    assert "spec/no-error-case" in {rule for rule, _ in hits}


@pytest.mark.slow
def test_nothing_is_missing_in_what_it_declares_a_change(hotel):
    hits = found(hotel("checks=CHANGE"))

    assert ("spec/vague", "acme/rooms/need.txt") in hits
    assert "spec/no-error-case" not in {rule for rule, _ in hits}


@pytest.mark.slow
def test_texts_of_no_declared_part_are_not_checked(hotel):
    machine = hotel("writing=WRITING")
    said = machine.forked("spec", "check", "--json")

    assert said.code == 2
    assert "the spec acme/rooms is empty" in said.err


@pytest.mark.slow
def test_its_changes_are_merged(hotel):
    machine = hotel()
    machine.write("acme/rooms/new/a.txt", "A room has a name.\n")
    said = machine.forked("spec", "merge", "rooms")
    again = machine.forked("spec", "merge", "rooms")

    assert (said.code, said.out) == (0, "living/rooms.txt: added the lines\n"), said
    assert (machine.root / "living/rooms.txt").read_text() == "A room has a name.\n"
    assert "acme/rooms is merged already" in again.err + again.out


@pytest.mark.slow
def test_a_conflict_of_its_changes_writes_nothing(hotel):
    machine = hotel(there={"living/rooms.txt": "A room has a number.\n"})
    machine.write("acme/rooms/new/a.txt", "A room has a name.\n")
    machine.write("living/rooms.txt", "A room has a key.\n")
    said = machine.forked("spec", "merge", "rooms")

    assert said.code == 3, said
    assert "acme/rooms/new/a.txt: living/rooms.txt is another one now" in said.err + said.out
    assert (machine.root / "living/rooms.txt").read_text() == "A room has a key.\n"


@pytest.mark.slow
def test_what_it_does_not_merge_is_said(hotel):
    said = hotel("writing=WRITING").forked("spec", "merge", "rooms")

    assert said.code == 2
    assert "acme/rooms is a spec of acme, not a change of specs; only those of openspec" in said.err


@pytest.mark.slow
@pytest.mark.parametrize(("declared", "count"), [(DECLARED, 1), ("checks=CHECKS", 0)])
def test_its_open_changes_of_one_requirement_overlap(hotel, declared, count):
    machine = hotel(declared)
    for name in ("halls", "rooms"):
        machine.write(f"acme/{name}/need.txt", NEED)
    plugin = machine.packages / "acme_hotel.py"
    plugin.write_text(
        plugin.read_text().replace('f"living/{name}.txt" for', '"living/all.txt" for')
    )
    for name in ("halls", "rooms"):
        machine.write(f"acme/{name}/new/a.txt", "A room has a name.\n")
    said = machine.forked("spec", "sync", "--check", "--json")

    overlaps = json.loads(said.out)["overlaps"]
    assert len(overlaps) == count, said
    if count:
        assert overlaps[0]["locations"] == ["acme/halls/new/a.txt:1", "acme/rooms/new/a.txt:1"]


@pytest.mark.slow
def test_a_plan_becomes_its_tasks(hotel):
    machine = hotel()
    machine.write("plans/rooms-plan.md", "# Plan\n\n1. List the rooms\n2. Book one\n")
    said = machine.forked("spec", "plan", "rooms", "--adopt")

    assert said.code == 0, said
    text = (machine.root / "acme/rooms/work.txt").read_text()
    assert "- [ ] 1. List the rooms\n- [ ] 2. Book one\n" in text


@pytest.mark.slow
def test_where_it_adopts_no_plans_that_is_said(hotel):
    machine = hotel("checks=CHECKS")
    machine.write("plans/rooms-plan.md", "# Plan\n\n1. List the rooms\n")
    said = machine.forked("spec", "plan", "rooms", "--adopt")

    assert said.code == 2
    assert "acme/rooms is a spec of acme, whose tasks its own tool writes" in said.err
    assert not (machine.root / "acme/rooms/work.txt").exists()


STEPS = ("requirements", "high_level", "low_level", "tasks")
AGENTS = ("spec-requirements", "spec-design", "spec-design", "spec-tasks")


@pytest.mark.slow
def test_a_spec_is_written_in_it_a_phase_at_a_time(hotel):
    machine = hotel()
    texts = (REQUIREMENTS, HIGH_LEVEL, LOW_LEVEL, TASKS)
    written = [document(*one) for one in zip(AGENTS, STEPS, texts, strict=True)]
    model = machine.script({"replies": [questions(), *written]})
    said = [machine.forked("spec", "new", "notify", "-m", "tell members", "--model", model)]
    said += [machine.forked("spec", "approve") for _ in STEPS]

    assert [one.code for one in said] == [4, 4, 4, 4, 0], said
    folder = machine.root / "acme/notify"
    assert {path.name for path in folder.iterdir()} == {"need.txt", "how.txt", "work.txt"}
    assert (folder / "need.txt").read_text().rstrip() == REQUIREMENTS.rstrip()
    listed = json.loads(machine.forked("tasks", "--spec", "notify", "--json").out)
    assert listed["spec"]["dialect"] == "acme"


@pytest.mark.slow
def test_where_it_is_not_written_that_is_said(hotel):
    machine = hotel("checks=CHECKS")
    model = machine.script({"replies": [questions()]})
    asked = ("-m", "tell members", "--model", model)
    named = machine.forked("spec", "new", "notify", *asked, "--format", "acme")
    there = machine.forked("spec", "new", "rooms", *asked, "--revise")

    assert named.code == there.code == 2
    assert "'acme' is not one of 'kiro', 'spec-kit', 'openspec', 'single-file'" in named.err
    assert "acme/rooms is a spec of acme, which is read here and not written" in there.err


@pytest.mark.slow_but(every=5)
@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ("checks=3", "the dialect acme has `checks` that is no CheckedAs"),
        ("writing='x'", "the dialect acme has `writing` that is no Writing"),
        ("merging=find", "the dialect acme has `merging` that is no Merging"),
        ("writing=Writing(find)", "`writing.files` that are not the four of a folder"),
        ("one_file=True, writing=WRITING", "`writing.files`, though a spec of it is one file"),
        ("written_as='acne'", "`written_as` 'acne', which no installed dialect writes"),
        ("written_as='cc-sdd'", "`written_as` 'cc-sdd', which no installed dialect writes"),
    ],
)
def test_what_it_declares_wrongly_ends_in_one_sentence(hotel, declared, why):
    said = hotel(declared).forked("spec", "check")

    assert said.code == 2, said
    assert "acme of reviewloop.dialects, which acme-pack 1.0 adds, fails" in said.err
    assert why in said.err


@pytest.mark.slow
def test_a_path_out_of_the_repository_is_refused(hotel):
    machine = hotel("writing=Writing(lambda files, name: f'../{name}', ('a', 'b', 'c', 'd'))")
    model = machine.script({"replies": [questions()]})
    said = machine.forked("spec", "new", "x", "-m", "y", "--model", model, "--format", "acme")

    assert said.code == 2
    assert "`new` gives '../x', which is no path below the project" in said.err


OWN_MODULES = {"kiro.py", "openspec.py", "openspec_merge.py", "single_file.py", "spec_kit.py"}
DECIDING = ("specs", "app", "loop")


def test_no_name_of_a_dialect_decides_outside_of_its_own_module():
    package = Path(reviewloop.__file__).parent
    names = set(dialects())
    assert {"kiro", "cc-sdd", "spec-kit", "openspec", "single-file"} <= names
    files = [path for folder in DECIDING for path in (package / folder).rglob("*.py")]
    assert len(files) > 150
    hits = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in files
        if not (path.parent.name == "specs" and path.name in OWN_MODULES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert hits == []
