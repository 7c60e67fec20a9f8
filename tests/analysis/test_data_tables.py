"""Tables of the package: read from TOML, and from a cache until the table changes."""

import os
import tomllib
from pathlib import Path

import pytest

from reviewloop.analysis import data_tables


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """Return the texts that were parsed."""
    seen: list[str] = []
    real = tomllib.loads

    def loads(text: str):
        seen.append(text)
        return real(text)

    monkeypatch.setattr(data_tables.tomllib, "loads", loads)
    return seen


def test_a_table_is_parsed_once_until_it_changes(tmp_path: Path, parsed):
    table = tmp_path / "a.toml"
    table.write_text("[x]\ny = [1, 2]\n")
    assert [data_tables.read_table(table) for _ in range(2)] == [{"x": {"y": [1, 2]}}] * 2
    assert len(parsed) == 1
    table.write_text("[x]\ny = [1, 3]\n")
    os.utime(table, ns=(1, 1))
    assert data_tables.read_table(table) == {"x": {"y": [1, 3]}}
    assert len(parsed) == 2


@pytest.mark.parametrize("content", [b"", b"none", b"x\x9c\xabV\x00", None])
def test_a_damaged_cache_is_written_anew(tmp_path: Path, parsed, content):
    table = tmp_path / "a.toml"
    table.write_text("y = 1\n")
    data_tables.read_table(table)
    (kept,) = (tmp_path / "__pycache__").iterdir()
    if content is None:
        data_tables.write_cache(kept, ["another", "shape"])
    else:
        kept.write_bytes(content)
    assert [data_tables.read_table(table) for _ in range(2)] == [{"y": 1}] * 2
    assert len(parsed) == 2


def test_without_write_permission_it_is_parsed_each_time(tmp_path: Path, parsed):
    (tmp_path / "__pycache__").write_text("no folder")
    table = tmp_path / "a.toml"
    table.write_text("y = 1\n")
    assert [data_tables.read_table(table) for _ in range(2)] == [{"y": 1}] * 2
    assert len(parsed) == 2
