"""Two hundred rewordings without meaning, recorded over four dialects: none is drift."""

import tomllib

import pytest
from support.drift_projects import FOLDER, NAMES, committed, files_of, write

from reviewloop.app.spec.sync import sync_specs
from reviewloop.domain.spec_delta import QuotedEdit
from reviewloop.git.repository import discover
from reviewloop.specs.delta import apply_edits, documents_of
from reviewloop.specs.discover import find_specs, read_spec
from reviewloop.specs.drift.wording import same_meaning
from reviewloop.specs.files import MemoryFiles

ROWS = tomllib.loads((FOLDER / "rewordings.toml").read_text("utf-8"))["rewordings"]


def test_two_hundred_are_recorded_of_many_kinds():
    kinds = [kind for _, kind, *_ in ROWS]
    assert len(ROWS) == len({tuple(row) for row in ROWS}) == 200
    assert len(set(kinds)) >= 25
    assert max(map(kinds.count, kinds)) <= 15


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("name", NAMES)
def test_a_rewording_is_no_drift(tmp_path, name):
    root, files = committed(tmp_path / name, name), files_of(name)
    user = discover(root, for_reading=True)
    wrong = []
    for project, kind, path, old, new in ROWS:
        if project == name:
            assert files[path].count(old) == 1
            write(root, {path: files[path].replace(old, new)})
            drift = sync_specs(user, (), check=True).drift.drifts
            wrong += [(kind, old, new, one) for one in drift]
            write(root, {path: files[path]})
    assert wrong == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("keep it for 30 days", "keep it for 3 days"),
        ("answer 1.5 s later", "answer 15 s later"),
        ("10 % of readings", "10 of readings"),
        ("SHALL NOT store it", "SHALL store it"),
        ("A before B", "B before A"),
        ("accept mails, not calls", "accept calls, not mails"),
        ("WHEN a book is added, THEN list it", "WHEN a book is listed, THEN add it"),
        ("x < 5", "x > 5"),
        ("between -1 and 1", "between 1 and 1"),
        ("red and green", "red or green"),
    ],
)
def test_what_has_another_meaning_is_not_the_same(one, other):
    assert not same_meaning(one, other)


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", NAMES)
def test_an_edit_of_a_spec_leaves_every_other_byte_of_every_dialect(name, ends):
    texts = {path: text.replace("\n", ends).encode() for path, text in files_of(name).items()}
    files = MemoryFiles(texts)
    [ref] = find_specs(files)
    documents = documents_of(read_spec(files, ref))
    assert documents
    for path in documents:
        lines = texts[path].decode().split(ends)
        quote = next(line for line in lines if len(line) > 12 and lines.count(line) == 1)
        edit = QuotedEdit(path, quote, "One line more.", below=True)
        assert texts[path].count(quote.encode()) == 1
        after = texts[path].replace(
            f"{quote}{ends}".encode(), f"{quote}{ends}One line more.{ends}".encode()
        )
        assert apply_edits(files, [edit]) == {path: after}
