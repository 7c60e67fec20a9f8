"""The model has no shell: strings that bypassed other tools' allow-lists of commands mean nothing.

T-CMD-01 to 12. Each string is given to every tool that takes text, under the names a shell would
have, and to execute_bash where it is offered: it is refused by the schema of the arguments or taken
as plain text, and no program is ever started through a shell.
"""

from pathlib import Path

import pytest

from reviewloop.sandbox.command_policy import CommandPolicy
from reviewloop.tools.running import ShellAnswer

BYPASSES = {
    "T-CMD-01": 'echo "\\"; touch {mark}; echo \\""',  # CVE-2025-54795
    "T-CMD-02": "rg x --pre=sh -e 'touch {mark}'",  # CVE-2025-58764
    "T-CMD-03": "sed -n '1e touch {mark}' a.txt",  # CVE-2025-64755
    "T-CMD-04": "cat$IFS/etc/passwd$IFS>{mark}",  # CVE-2025-66032
    "T-CMD-05": "sort -o{mark} a.txt",  # CVE-2025-66032, short flags
    "T-CMD-06": "find . -fprint {mark}",  # CVE-2026-24887
    "T-CMD-07": "export PAGER='touch {mark}'; git log",  # CVE-2026-22708, shell built-ins
    "T-CMD-08": "true && touch {mark}",  # Kiro 9573
    "T-CMD-09": " && ".join(["true"] * 50) + " && touch {mark}",  # more than 50 sub-commands
    "T-CMD-10": "echo `touch {mark}`",
    "T-CMD-11": "echo $(touch {mark})",
    "T-CMD-12": "echo ok\ntouch {mark}",
}


@pytest.mark.parametrize("name", BYPASSES)
def test_a_shell_string_starts_nothing(bench, tmp_path: Path, name: str) -> None:
    mark = tmp_path / "mark"
    text = BYPASSES[name].format(mark=mark)
    tools = bench({"a.txt": "x\n"})
    for tool in ("shell", "execute_bash", "bash", "run_command"):
        assert tools(tool, command=text).bad_call
    assert tools("run_gate", name=text).bad_call
    for tool in ("fs_read", "glob", "code", "grep"):
        assert tools(tool, command=text).error or tool == "fs_read"
    tools("grep", pattern=text)
    tools("glob", pattern=text)
    tools("fs_read", path=text)
    tools("fs_write", command=text, path="a.txt", content="y")
    assert tools.content("a.txt") == b"x\n"
    assert not mark.exists()


@pytest.mark.parametrize("name", BYPASSES)
def test_where_programs_may_run_only_the_allowed_ones_do_and_no_shell_reads_them(
    bench, tmp_path: Path, name: str
) -> None:
    mark = tmp_path / "mark"
    ran: list[tuple[str, ...]] = []

    def run(argv: tuple[str, ...], tree: str) -> ShellAnswer:
        ran.append(argv)
        return ShellAnswer("", 0, tree)

    policy = CommandPolicy(trusted=("pytest *",))
    tools = bench({"a.txt": "x\n"}, shell=run, command_policy=policy)
    result = tools("execute_bash", command=BYPASSES[name].format(mark=mark))
    assert (result.error, ran) == (True, [])
    control = tools("execute_bash", command=["pytest", "a.txt; touch x"])
    assert not control.error
    assert ran == [("pytest", "a.txt; touch x")]  # one argument, whatever stands in it
