"""Sixty drifts planted into ten projects of four dialects: each is found, with both places."""

import tomllib

import pytest
from support.drift_projects import FOLDER, NAMES, committed, files_of, write

from reviewloop.app.spec.sync import sync_specs
from reviewloop.domain.drift import Drift
from reviewloop.git.repository import discover

PLANTED = tomllib.loads((FOLDER / "planted.toml").read_text("utf-8"))["planted"]


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """Return the ten projects, each committed."""
    top = tmp_path_factory.mktemp("projects")
    return {name: committed(top / name, name) for name in NAMES}


def drift_in(root) -> list[Drift]:
    return list(sync_specs(discover(root, for_reading=True), (), check=True).drift.drifts)


def edited(files: dict[str, str], edits) -> dict[str, str]:
    """Return the files with the edits made; each finds what it replaces, once."""
    after = dict(files)
    for path, old, new in edits:
        if old == "-":
            del after[path]
        elif old == "+":
            after[path] += new
        else:
            assert after[path].count(old) == 1, (path, old)
            after[path] = after[path].replace(old, new)
    return after


def location(files: dict[str, str], given: list[str]) -> str:
    """Return `path:line` of the first line with these words, "" where nothing is given."""
    if not given:
        return ""
    path, words = given
    at = files[path].index(words)
    return f"{path}:{files[path].count(chr(10), 0, at) + 1}"


def test_there_are_ten_of_each_kind():
    kinds = [one["kind"] for one in PLANTED]
    assert len(PLANTED) == 60
    assert {kinds.count(kind) for kind in kinds} == {10}
    assert {one["project"] for one in PLANTED} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_project_as_built_is_in_step(projects, name):
    assert drift_in(projects[name]) == []


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("one", PLANTED, ids=lambda one: f"{one['project']}-{one['kind']}")
def test_a_planted_drift_is_found_with_both_places(projects, one):
    root, files = projects[one["project"]], files_of(one["project"])
    after = edited(files, one["edits"])
    try:
        for path in files.keys() - after.keys():
            (root / path).unlink()
        write(root, {path: text for path, text in after.items() if files[path] != text})
        found = {each.name: each for each in drift_in(root)}
    finally:
        write(root, files)
    assert set(found) == {one["name"], *one.get("also", ())}
    drift = found[one["name"]]
    expected = (one["kind"], location(after, one["spec"]), location(after, one["code"]))
    assert (drift.kind, drift.in_spec, drift.in_code) == expected
