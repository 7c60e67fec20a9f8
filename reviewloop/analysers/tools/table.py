"""The table of tools: what each reads, how it is started to obey only us, how to get it."""

from reviewloop.analysers.tools.policy.ruff_selection import RUFF_SELECTION
from reviewloop.analysers.tools.readers.ruff import read_ruff, run_ruff
from reviewloop.analysers.tools.readers.zizmor import read_zizmor, run_zizmor
from reviewloop.analysers.tools.tool import Tool

CORE = (
    Tool(
        name="ruff",
        program="ruff",
        languages=frozenset({"python"}),
        file_names=frozenset({"pyproject.toml"}),
        arguments=(
            *("check", "{configuration}", "--no-cache", "--quiet", "--output-format", "json"),
            *("--target-version", "py314", *RUFF_SELECTION, "--", "{files}"),
        ),
        configuration=("ruff.toml", ".ruff.toml", "pyproject.toml"),
        configured=("--config", "{configuration}"),
        unconfigured=("--isolated",),
        read=read_ruff,
        run=run_ruff,
        core=True,
        get="it comes with reviewloop: pip install reviewloop",
        licence="MIT",
    ),
    Tool(
        name="zizmor",
        program="zizmor",
        languages=frozenset({"github-workflow", "github-action", "dependabot"}),
        arguments=(
            *("--offline", "--no-config", "--no-progress", "--color", "never"),
            *("--format", "json-v1", "--no-exit-codes", "--", "{files}"),
        ),
        read=read_zizmor,
        run=run_zizmor,
        good_exits=(0,),
        core=True,
        get="it comes with reviewloop: pip install reviewloop",
        licence="MIT",
    ),
)

TOOLS: tuple[Tool, ...] = CORE
