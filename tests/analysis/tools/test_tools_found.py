"""A tool is found only in trusted locations, and its version is read once."""

from pathlib import Path

from reviewloop.analysis.contract import Options
from reviewloop.analysis.tools import find_tool


def count(folder: Path) -> int:
    asked = folder / "asked"
    return len(asked.read_text()) if asked.exists() else 0


def test_program_is_asked_once_and_again_when_it_changed(script, row, tmp_path):
    code = f"open({str(tmp_path / 'asked')!r}, 'a').write('x')\nprint('speller version v2.5.1-rc1')"
    script("speller", code)
    for _ in range(3):
        assert find_tool(row()).version == "2.5.1-rc1"
    assert count(tmp_path) == 1
    script("speller", code + "\nprint('longer')")
    find_tool(row())
    assert count(tmp_path) == 2


def test_version_of_an_installed_package_is_read_without_asking(script, row, tmp_path):
    script("unused", "")
    environment = tmp_path / "venv"
    info = environment / "lib/python3.12/site-packages/speller_bin-3.1.dist-info"
    info.mkdir(parents=True)
    (environment / "bin").mkdir()
    program = environment / "bin" / "speller"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    (tmp_path / "programs" / "speller").symlink_to(program)
    assert find_tool(row(package="speller-bin")).version == "3.1"


def test_unreadable_cache_is_no_obstacle(script, row, tmp_path, monkeypatch):
    script("speller", "print('1.2')")
    state = tmp_path / "state"
    state.mkdir()
    (state / "tool-versions.json").write_text("[")
    assert find_tool(row()).version == "1.2"
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(file / "below"))
    assert find_tool(row()).program.name == "speller"


def test_program_of_the_repository_we_stand_in_is_never_taken(row, tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "speller"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{folder}:bin:.")
    assert find_tool(row()) is None


def test_tools_of_node_modules_are_the_repositorys_own_code(script, row, tmp_path):
    script("unused", "")
    folder = tmp_path / "checkout/node_modules/.bin"
    folder.mkdir(parents=True)
    program = folder / "speller"
    program.write_text("#!/bin/sh\necho 4.5.6\n")
    program.chmod(0o755)
    checkout = str(tmp_path / "checkout")
    tool = row(node=True)
    assert find_tool(tool, Options(checkout=checkout)) is None
    trusted = Options(checkout=checkout, repository_configuration=True)
    assert find_tool(tool, trusted).program == program
    assert find_tool(row(), trusted) is None
