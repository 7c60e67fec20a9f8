"""Reads the table of tools, `table.toml`, and adds the code that runs and parses each."""

from functools import cache
from pathlib import Path
from typing import Required, TypedDict

from reviewloop.analysis.contract import Rule
from reviewloop.analysis.data_tables import read_table
from reviewloop.analysis.tools.eslint import not_run, project_of, refuse_without_project, run_eslint
from reviewloop.analysis.tools.readers.plain import (
    read_actionlint,
    read_bandit,
    read_cfn_lint,
    read_checkov,
    read_lizard,
    read_shellcheck,
)
from reviewloop.analysis.tools.readers.ruff import read_ruff, run_ruff
from reviewloop.analysis.tools.readers.sarif import sarif
from reviewloop.analysis.tools.readers.zizmor import read_zizmor, run_zizmor
from reviewloop.analysis.tools.tool import Reader, Tool

_READERS: dict[str, Reader] = {
    "ruff": read_ruff,
    "zizmor": read_zizmor,
    "shellcheck": read_shellcheck,
    "hadolint": sarif("hadolint"),
    "actionlint": read_actionlint,
    "oxlint": sarif("oxlint", columns="bytes", levels=False, syntax_rule="OXL0001"),
    "biome": sarif("biome", columns="characters", drop="lint/", syntax_rule="parse"),
    "eslint": refuse_without_project,
    "lizard": read_lizard,
    "bandit": read_bandit,
    "semgrep": sarif("semgrep", columns="bytes"),
    "cfn-lint": read_cfn_lint,
    "checkov": read_checkov,
    "gitleaks": sarif("gitleaks"),
}
_RUNS = {"ruff": run_ruff, "zizmor": run_zizmor, "eslint": run_eslint}
_APPLIES = {"eslint": lambda file, options: project_of(file.path, options.checkout) is not None}
_NOT_RUN = {"eslint": not_run}


class _Row(TypedDict, total=False):
    """A row of the table; `Tool` documents its keys."""

    program: str
    licence: Required[str]
    get: Required[str]
    languages: Required[list[str]]
    file_names: list[str]
    core: bool
    slow: bool
    node: bool
    silent_when_clean: bool
    configuration_is_code: bool
    package: str
    good_exits: list[int]
    version: list[str]
    arguments: Required[list[str]]
    configuration: list[str]
    configured: list[str]
    unconfigured: list[str]
    needs_configuration: str
    own_file: list[str]


def _tool(name: str, row: _Row) -> Tool:
    own_name, own_text = row.get("own_file", ("", ""))
    return Tool(
        name=name,
        program=row.get("program", name),
        languages=frozenset(row["languages"]),
        file_names=frozenset(row.get("file_names", ())),
        arguments=tuple(row["arguments"]),
        read=_READERS[name],
        run=_RUNS.get(name),
        applies=_APPLIES.get(name),
        not_run=_NOT_RUN.get(name),
        get=row["get"],
        licence=row["licence"],
        core=row.get("core", False),
        slow=row.get("slow", False),
        node=row.get("node", False),
        silent_when_clean=row.get("silent_when_clean", False),
        configuration_is_code=row.get("configuration_is_code", False),
        package=row.get("package", ""),
        good_exits=tuple(row.get("good_exits", (0, 1))),
        version=tuple(row.get("version", ("--version",))),
        configuration=tuple(row.get("configuration", ())),
        configured=tuple(row.get("configured", ())),
        unconfigured=tuple(row.get("unconfigured", ())),
        needs_configuration=row.get("needs_configuration", ""),
        own_file=(own_name, own_text),
    )


_TABLE: dict[str, _Row] = read_table(Path(__file__).with_suffix(".toml"))
TOOLS: tuple[Tool, ...] = tuple(_tool(name, row) for name, row in _TABLE.items())


def tool_rule(rule_id: str) -> Rule | None:
    """Return our rule for a tool's rule id ("ruff/S608"); None if it is off or unknown."""
    name, _, code = rule_id.partition("/")
    tool = _by_name().get(name)
    return tool.policy.rule(code) if tool else None


@cache
def _by_name() -> dict[str, Tool]:
    return {tool.name: tool for tool in TOOLS}
