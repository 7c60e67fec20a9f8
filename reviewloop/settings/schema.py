"""Every setting with its default, its bounds and the sentence that `config show` prints."""

import ipaddress
import re
import shlex
from pathlib import PurePosixPath
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reviewloop.domain.globs import PatternError, require_sound


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _sound(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        try:
            require_sound(pattern)
        except PatternError as problem:
            raise ValueError(f"patterns that can match a file: {pattern!r} {problem}") from None
    return patterns


FilePatterns = Annotated[tuple[str, ...], AfterValidator(_sound)]
"""Patterns of files; one that can match nothing is refused, since it would go unnoticed."""


class WorkspaceFiles(Section):
    """Files of the workspace besides those in git."""

    lfs: Literal["refuse", "pointer", "copy"] = Field(
        default="refuse",
        description="Git LFS: refuse to change its files, allow new pointers, or show builds "
        "the content at hand, too.",
    )
    submodules: Literal["empty", "copy"] = Field(
        default="empty",
        description="Submodules: empty folders, or their files as .git/modules holds them.",
    )


WIDER = {
    "workspace.lfs": ("refuse", "pointer", "copy"),
    "workspace.submodules": ("empty", "copy"),
}
"""Values in ascending order; a repository's own file may only choose an earlier one."""


class Commit(Section):
    """How the approved commit is made."""

    sign: bool = Field(
        default=False, description="Sign the commit as the user's git is configured to."
    )


class Runs(Section):
    """What is kept of finished runs."""

    keep_days: int = Field(default=30, ge=0, description="Days that `clean` keeps finished runs.")


AUTO = "auto"


class Models(Section):
    """Which models answer, and how they are reached."""

    reasoning: str = Field(
        default=AUTO,
        min_length=1,
        description="Model of other steps (provider:model); auto takes what AWS or a key allows.",
    )
    generation: str = Field(
        default=AUTO,
        min_length=1,
        description="Cheaper model: a spec's tasks, plans, answers, and what per_agent sends here.",
    )
    per_agent: dict[str, str] = Field(
        default_factory=dict,
        description=(
            'Agent name, or "reviewers", to "reasoning", "generation" or a provider:model of its '
            "own."
        ),
    )
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Models asked in this order when the chosen one stays unavailable."
    )
    region: str = Field(default="", description="AWS region; empty means the usual AWS chain.")
    profile: str = Field(default="", description="AWS profile; empty means the usual AWS chain.")
    role_arn: str = Field(
        default="", description="AWS role to assume before asking; empty means none."
    )
    endpoint_url: str = Field(
        default="",
        description="Bedrock runtime endpoint; empty means AWS_ENDPOINT_URL_BEDROCK_RUNTIME.",
    )
    base_url: str = Field(
        default="",
        description="OpenAI-compatible server for openai: models; empty means OPENAI_BASE_URL.",
    )
    max_output_tokens: int = Field(
        default=16_384, ge=256, description="Longest reply asked for, in tokens."
    )
    read_timeout_seconds: float = Field(
        default=600, gt=0, description="Longest silence inside a reply."
    )
    connect_timeout_seconds: float = Field(
        default=10, gt=0, description="Longest wait for a connection."
    )
    max_attempts: int = Field(
        default=6, ge=1, le=20, description="Attempts per call, the first one included."
    )
    concurrency: int = Field(
        default=16, ge=1, le=256, description="Calls under way at once, of all runs of a batch."
    )
    requests_per_minute: int = Field(
        default=0, ge=0, description="Most requests a minute to one model by all runs; 0: no limit."
    )
    tokens_per_minute: int = Field(
        default=0, ge=0, description="Most tokens a minute to one model by all runs; 0: no limit."
    )
    cache: bool = Field(
        default=True, description="Mark the shared part of prompts for prompt caching."
    )
    tracing: bool = Field(
        default=False, description="Let LangSmith tracing send prompts elsewhere."
    )


def _address(url: str) -> str:
    """Refuse an unencrypted remote address, or an invalid one."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if url and not (safe and parts.hostname and "@" not in parts.netloc):
        raise ValueError("an https address (http only on this machine), without a user name")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Notify(Section):
    """How you are called when a run or batch waits for you; all of it is off by default."""

    bell: bool = Field(default=False, description="Ring the bell of the terminal (BEL and OSC 9).")
    desktop: bool = Field(
        default=False, description="Show a desktop notification (notify-send or osascript)."
    )
    webhook: Annotated[str, AfterValidator(_address)] = Field(
        default="", description="Address that gets a POST with JSON; https, or http on loopback."
    )


RuleLevel = Literal["off", "must", "should", "nit"]


class Review(Section):
    """How `reviewloop review` reads a change."""

    base: str = Field(
        default="",
        description="Branch that changes are compared with; empty means found by itself.",
    )
    fail_on: Literal["must", "should", "nit", "never"] = Field(
        default="must", description="Severity from which on the exit code is 1."
    )
    min_severity: Literal["must", "should", "nit"] = Field(
        default="nit", description="Least severity that is listed."
    )
    ignore: FilePatterns = Field(default=(), description="Files that are not reviewed.")
    skip_new: bool = Field(
        default=False,
        description="Leave out what only the change itself calls generated, vendored, binary ...",
    )
    analysers_off: tuple[str, ...] = Field(
        default=(), description='Analysers that do not run, by name or pattern; all with "*".'
    )
    analyser_seconds: float = Field(
        default=60, gt=0, description="Longest time of one analyser program."
    )
    repository_configuration: bool = Field(
        default=False, description="Let analysers read the repository's own configuration files."
    )
    required_tags: tuple[str, ...] = Field(
        default=(), description="Tags that every cloud resource must carry."
    )
    advisories: str = Field(
        default="",
        description="Folder or zip with OSV records of vulnerable packages; empty: not checked.",
    )


Argv = tuple[str, ...]


def _inside(path: str) -> str:
    """Refuse a path that leaves the repository."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError("a path inside the repository, without '..'")
    return path


def _program(argv: Argv) -> Argv:
    """Refuse an argv without a program."""
    if argv and not argv[0].strip():
        raise ValueError("a list that begins with a program, or an empty list")
    return argv


RelativePath = Annotated[str, AfterValidator(_inside)]
Command = Annotated[Argv, AfterValidator(_program)]


class Limits(Section):
    """Where a run stops by itself, resumably."""

    usd: float = Field(default=10.0, gt=0, description="Most US dollars one run may cost.")
    tokens: int = Field(default=5_000_000, ge=1, description="Most tokens one run may use.")
    minutes: float = Field(
        default=60, gt=0, description="Longest active time of one run, in minutes."
    )
    turns: int = Field(
        default=100, ge=1, description="Most turns of coding agents (acp:NAME) in one run."
    )
    rounds: int = Field(
        default=3, ge=0, le=3, description="Fix rounds before a person decides (max 3)."
    )
    fix_retries: int = Field(
        default=2, ge=0, le=2, description="Retries of one fix whose tests went red (max 2)."
    )
    repairs: int = Field(
        default=2,
        ge=0,
        le=2,
        description="Times a failing build or test goes back to the agent (max 2).",
    )
    agent_turns: int = Field(
        default=40, ge=1, description="Most model replies in one agent's task."
    )
    agent_tokens: int = Field(default=400_000, ge=1, description="Most tokens in one agent's task.")
    agent_minutes: float = Field(default=20, gt=0, description="Longest time of one agent's task.")
    context_tokens: int = Field(
        default=60_000,
        ge=1000,
        description="Most that reviewers are shown at once, in tokens; longer changes go in parts.",
    )
    gate_seconds: float = Field(
        default=900, gt=0, description="Longest time of one gate that sets no timeout of its own."
    )


class Gate(Section):
    """One command that judges the change."""

    command: Command = Field(
        default=(), description="Program and arguments as a list; empty means auto-detected."
    )
    enabled: bool = Field(default=True, description="Whether this gate runs at all.")
    timeout_seconds: float = Field(
        default=0, ge=0, description="Longest time of this gate; 0 means limits.gate_seconds."
    )


class Format(Gate):
    """Whether changed files are formatted as the repository's formatter does it."""

    enabled: bool = Field(
        default=False, description="Whether changed files must be formatted by its formatter."
    )
    fix_on_save: bool = Field(
        default=False,
        description="Format what agents changed before it is judged; enables the gate, too.",
    )

    @property
    def is_requested(self) -> bool:
        """Whether the gate is enabled."""
        return self.enabled or self.fix_on_save or bool(self.command)


class Security(Gate):
    """The security scan: a command judged by its exit code, or a scanner by its report."""

    tool: Literal["", "trivy", "grype"] = Field(
        default="", description="Scanner whose report is read; one that cannot run is a failure."
    )
    fail_on: Literal["critical", "high", "medium", "low", "never"] = Field(
        default="high", description="Severity in changed files from which on the scan fails."
    )


class Coverage(Section):
    """How much of the change its tests must run."""

    enabled: bool = Field(default=True, description="Whether coverage of new lines is measured.")
    threshold: float = Field(
        default=0.80, ge=0, le=1, description="Share of new lines that tests should run, 0 to 1."
    )
    hard: bool = Field(default=False, description="Stop the change below the threshold.")
    report: RelativePath = Field(
        default="",
        description="Cobertura, LCOV or coverage.py JSON file that a custom test command writes.",
    )


class SpecSync(Section):
    """Whether a change may make specs and code diverge."""

    enabled: bool = Field(
        default=False, description="Whether a person must see where a change parts from its specs."
    )


class Gates(Section):
    """The commands that judge a change before reviewers read it."""

    python: str = Field(
        default="",
        description="Interpreter of the project's environment; empty means found by itself.",
    )
    reuse: tuple[RelativePath, ...] = Field(
        default=(".venv", "venv", "node_modules"),
        description="Installed dependencies of the checkout that the workspace uses as well.",
    )
    build: Gate = Field(default=Gate(), description="The project's build.")
    test: Gate = Field(default=Gate(), description="The project's tests.")
    lint: Gate = Field(default=Gate(), description="The project's linter.")
    format: Format = Field(default=Format(), description="The project's formatter.")
    security: Security = Field(default=Security(), description="The project's security scan.")
    coverage: Coverage = Field(default=Coverage(), description="Coverage of new lines.")
    spec_sync: SpecSync = Field(default=SpecSync(), description="Specs and code in step.")


class Guard(Section):
    """What a change must never do; these stops cannot be switched off."""

    protected_branches: tuple[str, ...] = Field(
        default=("main", "master"),
        description="Branches that never receive a commit from reviewloop.",
    )
    secret_files: FilePatterns = Field(
        default=(
            "**/.env*",
            "**/*secret*",
            "**/*credentials*",
            "**/*.pem",
            "**/id_rsa*",
            "**/id_ed25519*",
            "**/*production*.yml",
            "**/*production*.yaml",
            "**/*production*.json",
            "**/*production*.toml",
        ),
        description="Files that must never be part of a change.",
    )
    secret_files_allowed: FilePatterns = Field(
        default=("**/.env.example", "**/.env.sample", "**/.env.template"),
        description="Exceptions to secret_files.",
    )


ChangeType = Literal[
    "database_schema",
    "security_config",
    "ci_pipeline",
    "environment_variables",
    "dependencies",
    "public_interface",
]
"""A kind of change that governance detects by content; `guards.change_types.KINDS` finds each."""


class Governance(Section):
    """From where on a person must look, even in autopilot."""

    files: int = Field(
        default=10, ge=0, description="Changed files a change may have without a person."
    )
    lines: int = Field(
        default=500, ge=0, description="Changed lines a change may have without a person."
    )
    complexity_percent: float = Field(
        default=20,
        ge=0,
        description=(
            "Growth of complexity, in percent, allowed without a person; below complexity_growth "
            "new paths it does not count."
        ),
    )
    complexity_growth: int = Field(
        default=5,
        ge=0,
        description=(
            "New paths (functions, branches, loops, cases, conditions) from which on "
            "complexity_percent counts: one `if` in a file of two is 50 %."
        ),
    )
    patterns: FilePatterns = Field(
        default=(
            "**/migrations/**",
            "**/migration/**",
            "**/*schema*",
            "**/schema/**",
            "**/*production*/**",
            "**/*production*",
            "**/Dockerfile*",
            "**/.github/workflows/**",
        ),
        description="Files whose change always needs a person.",
    )
    change_types: tuple[ChangeType, ...] = Field(
        default=get_args(ChangeType),
        description="Kinds of change, told by content, that always need a person.",
    )
    approvers: int = Field(
        default=1, ge=1, description="People who must approve each change before its commit."
    )
    approvers_by_path: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="Pattern of files to the people who must approve a change of them.",
    )


def _single_commands(patterns: tuple[str, ...], signs: str = r"[;&<>`$\n|]") -> tuple[str, ...]:
    """Refuse a pattern that matches no single command."""
    for pattern in patterns:
        try:
            words = [shlex.split(part) for part in pattern.split("|")]
        except ValueError:
            words = []
        if not words or not all(words) or re.search(signs, pattern):
            raise ValueError(f"commands such as 'git push'; {pattern!r} is none")
    return patterns


def _denied(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return _single_commands(patterns, signs=r"[;&<>`$\n]")


class Tools(Section):
    """What agents may call beyond reading, writing and the named gates."""

    execute_bash: bool = Field(
        default=False,
        description="Let the implementer run commands, where a sandbox is proven (see doctor).",
    )
    trusted_commands: Annotated[tuple[str, ...], AfterValidator(_single_commands)] = Field(
        default=(),
        description="The only commands agents may run, word by word; a last * is any; empty: all.",
    )
    denied_commands: Annotated[tuple[str, ...], AfterValidator(_denied)] = Field(
        default=(),
        description='Commands no agent may run, however written: "rm -rf", "sudo", "curl | bash".',
    )


class Sandbox(Section):
    """How the repository's code is kept away from the machine; `doctor` shows what holds."""

    level: Literal["auto", "bubblewrap", "landlock", "sandbox-exec"] = Field(
        default="auto", description="The one sandbox to use; auto takes the strongest that holds."
    )
    external: bool = Field(
        default=False,
        description="Declare that reviewloop runs inside a container or VM that may be lost.",
    )
    read: tuple[str, ...] = Field(
        default=(), description="Further files and folders that commands may read."
    )
    processes: int = Field(
        default=1024, ge=16, description="Most processes of one command, at the same time."
    )
    memory_mb: int = Field(
        default=8192, ge=64, description="Most memory of one command and what it starts, in MB."
    )
    file_mb: int = Field(default=4096, ge=1, description="Largest file a command may write, in MB.")


class AgentProgram(Section):
    """A coding agent of the user's own, as `acp:NAME`; what is left out, its table says."""

    command: Command = ()
    hosts: tuple[str, ...] = ()  # hosts that its sandbox allows: NAME or NAME:PORT
    env: tuple[str, ...] = ()  # variables that it gets
    home: tuple[RelativePath, ...] = ()  # files of the home folder that are copied into its own
    renews: tuple[RelativePath, ...] = ()  # the same, and copied back after it renewed them
    read: tuple[str, ...] = ()  # further files and folders that it may read
    mode: str = ""  # the session mode to set
    model: str = ""  # the agent's own, by its id


class ServerUse(Section):
    """What a person lets an MCP server do that they trust; `reviewloop trust` names it."""

    hosts: tuple[str, ...] = ()  # hosts that its sandbox allows: NAME or NAME:PORT
    reads: tuple[str, ...] = ()  # its read-only tools, `*` for all: reviewers get these
    required: bool = False  # runs do not start without it


class FollowUps(Section):
    """What is offered after an approval, in this order; an empty list is "not configured"."""

    build_and_deploy: Command = Field(default=(), description="Command that builds and deploys.")
    push_and_pr: Command = Field(
        default=(), description="Command that pushes and opens a pull request."
    )
    pull_request: bool = Field(
        default=True,
        description="Without push_and_pr, offer `reviewloop publish` where origin is on GitHub.",
    )
    session_handoff: Command = Field(
        default=(), description="Command that writes the handoff notes."
    )


class Audit(Section):
    """What the trail of approvals holds."""

    names: bool = Field(default=True, description="Keep who approved; off: `a person`.")
    statements: bool = Field(
        default=False,
        description="Keep an in-toto statement of each approved commit, signed where commits are.",
    )
    notes: bool = Field(
        default=False,
        description="Write each row as a git note of its commit, under refs/notes/reviewloop.",
    )


class Spec(Section):
    """Where the tasks come from."""

    path: RelativePath = Field(
        default="", description="Spec file or folder; empty means found by itself."
    )
    mark_in_progress: bool = Field(
        default=False, description="Write [-] into the spec while a run works on the task."
    )
    require_approval: bool = Field(
        default=False, description="Refuse a spec that changed since somebody approved it."
    )


class SpecSyncProposal(Section):
    """When it is proposed to bring a spec in step with the code."""

    threshold: float = Field(
        default=0,
        ge=0,
        le=1,
        description=(
            "Share of a spec's names that may part from the code before the end of a run proposes "
            "to change the spec; 0 never proposes it."
        ),
    )


class Settings(Section):
    """All settings of a run; frozen, built once in the cli and passed down."""

    models: Models = Models()
    acp: dict[str, AgentProgram] = Field(
        default={},
        description='Coding agents of yours, as acp:NAME: claude = { command = ["program"] }.',
    )
    mcp: dict[str, ServerUse] = Field(
        default={},
        description='MCP servers for agents: docs = { hosts = ["a.example"], reads = ["*"] }.',
    )
    limits: Limits = Limits()
    gates: Gates = Gates()
    guard: Guard = Guard()
    governance: Governance = Governance()
    tools: Tools = Tools()
    sandbox: Sandbox = Sandbox()
    workspace: WorkspaceFiles = WorkspaceFiles()
    follow_ups: FollowUps = FollowUps()
    audit: Audit = Audit()
    spec: Spec = Spec()
    spec_sync: SpecSyncProposal = SpecSyncProposal()
    commit: Commit = Commit()
    review: Review = Review()
    rules: dict[str, RuleLevel] = Field(
        default={}, description='Severity of rules by id or pattern: "tf/*" = "off".'
    )
    runs: Runs = Runs()
    notify: Notify = Notify()
