"""Protected files: those with effects on people, agents and machines outside of the program.

The only list of them: for the write tools' refusals, the list on the approval screen, and the
changes that need a user in any mode. A rule is a name at any depth, because a tool started in a
sub-folder reads the copy there, and also covers files that do not exist yet.
"""

import re
import unicodedata
from collections.abc import Callable
from fnmatch import translate
from functools import cache, lru_cache

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex


@dataclass(frozen=True)
class Protection:
    """Why a file is protected, and whether writing it is refused where no task names it.

    Files that a task often has to touch (lock files, `conftest.py`) are not refused: they are
    listed apart for the user.
    """

    kind: str
    why: str  # completes "NAME ..."
    refused: bool


# Rules are in lower case. One that ends in a slash is a folder: its content, and its own name, as a
# link or a submodule can replace it. `*` matches inside one name.
_PIPELINES = """
    .github/workflows/ .github/actions/ .github/dependabot.y*ml codeowners
    .gitlab-ci.y*ml .gitlab/ci/ .circleci/ .buildkite/ .woodpecker/ .woodpecker.y*ml .tekton/
    .semaphore/ .teamcity/ azure-pipelines*.y*ml bitbucket-pipelines.y*ml jenkinsfile*
    .travis.y*ml .drone.y*ml .appveyor.y*ml appveyor.y*ml buildspec*.y*ml cloudbuild*.y*ml
    .forgejo/workflows/ .forgejo/actions/ .gitea/workflows/ .gitea/actions/ .zuul.y*ml zuul.y*ml
    zuul.d/ .zuul.d/ .cirrus.y*ml .cirrus.star .builds/ .build.yml .prow.y*ml .prow/
    .mergify.y*ml .mergify/ .github/mergify.y*ml .github/settings.y*ml .asf.yaml .kodiak.toml
    bors.toml .bulldozer.yml .policy.yml .pullapprove.y*ml renovate.json* .renovaterc*
    .github/renovate.json* .gitlab/renovate.json*
"""
_REVIEWERS = """
    .coderabbit.y*ml .pr_agent.toml .sourcery.y*ml .codacy.y*ml .reviewdog.y*ml .greptile/
    greptile.json .ellipsis/ ellipsis.yaml .gitleaks.toml .gitleaksignore zizmor.y*ml .zizmor.y*ml
    .trivyignore* .semgrepignore .checkov.y*ml .snyk .secrets.baseline .bandit
"""
_SPECS = """
    .kiro/specs/ .specify/ openspec/ specs/[0-9]*-*/
"""
_BUILDS = """
    action.y*ml flake.nix shell.nix directory.build.props directory.build.targets
    directory.build.rsp directory.packages.props
"""
_HOOKS = """
    .git/ .gitmodules .gitattributes .gitconfig .husky/ .githooks/ git-hooks/ .git-hooks/
    .huskyrc* .pre-commit-config.y*ml .pre-commit-hooks.y*ml .lefthook/ .lefthook-local/
    lefthook.* .lefthook.* lefthook-local.* .lefthook-local.* .overcommit.yml
    .lintstagedrc* lint-staged.config.* .simple-git-hooks.* simple-git-hooks.*
"""
_EDITORS = """
    .vscode/ .idea/ .fleet/ .zed/ .devcontainer/ .devcontainer.json *.code-workspace
    *.sublime-project .gitpod.y*ml .gitpod.dockerfile .dir-locals*.el .exrc .vimrc .nvimrc
    .nvim.lua .lvimrc .vs/ .theia/ .replit replit.nix .nova/
"""
_STARTED = """
    .envrc .mise.toml mise.toml .mise/ .tool-versions .bashrc .bash_profile .bash_login
    .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .inputrc .netrc
    .ripgreprc .pdbrc .gdbinit .lldbinit sitecustomize.py usercustomize.py *.pth .pythonrc*
    *.dist-info/ *.egg-info/ .ghci .octaverc .rprofile .renviron .irbrc .pryrc .perldb .psqlrc
    .sqliterc .screenrc .tmux.conf
"""
_PACKAGE_TOOLS = """
    .npmrc .yarnrc .yarnrc.yml .yarn/releases/ .yarn/plugins/ .pnpmfile.* .pnp.*js .pypirc
    pip.conf pip.ini .condarc .cargo/ .bundle/ .gemrc nuget.config .mvn/ gradle/wrapper/
    gradle-wrapper.* .bazelrc .terraformrc uv.toml poetry.toml bunfig.toml .sbtopts .jvmopts
"""
_AGENTS = """
    .kiro/agents/ .kiro/hooks/ .kiro/settings/ .kiro/steering/ .kiro/prompts/ .kiro/skills/
    .claude/ .claude.json .claude-plugin/ .cursor/ .gemini/ .codex/ .amazonq/ .windsurf/ .mcp/
    .agents/ .agent/ .cline/ .clinerules/ .roo/ .continue/ .trae/ .augment/ .junie/ .opencode/
    .crush/ .qwen/ .goose/ .factory/ .kilocode/ .openhands/ .aider*
    .github/copilot-instructions.md .github/instructions/ .github/prompts/ .github/agents/
    .github/chatmodes/ .github/skills/ .mcp.json mcp.json .opencode.json opencode.json*
    crush.json .crush.json claude.md claude.local.md agents.md agents.override.md
    agents.local.md agent.md skill.md gemini.md qwen.md warp.md crush.md .rules .cursorrules
    .cursorignore .kiroignore .windsurfrules .roorules .roomodes .goosehints .reviewloop/
    reviewloop.toml reviewloop.hooks.yaml
"""
_CHECKS = """
    conftest.py pytest.ini .pytest.ini pytest.toml .pytest.toml tox.ini tox.toml
    noxfile.py .coveragerc ruff.toml .ruff.toml
    makefile gnumakefile *.mk justfile .justfile taskfile.y*ml rakefile setup.py
    jest.config.* vitest.config.* vitest.workspace.* .mocharc* mocha.opts karma.conf.*
    playwright.config.* cypress.config.* ava.config.* wdio.conf.* jasmine.json .nycrc* .c8rc*
    web-test-runner.config.* phpunit.xml* .rspec behave.ini .behaverc .noserc nose2.cfg
    unittest.cfg nextest.toml *.runsettings testng.xml junit-platform.properties
"""
_LOCKS = """
    package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock
    poetry.lock pdm.lock uv.lock pipfile.lock pixi.lock conda-lock.y*ml pylock*.toml cargo.lock
    go.sum gemfile.lock composer.lock mix.lock pubspec.lock podfile.lock package.resolved
    packages.lock.json gradle.lockfile flake.lock .terraform.lock.hcl .pre-commit-config.lock
"""

_TABLE = (
    (_PIPELINES, Protection("pipeline", "decides what runs on the machines of others", True)),
    (_HOOKS, Protection("git hook", "decides what git runs or hides on people's machines", True)),
    (_EDITORS, Protection("editor", "runs when somebody opens the folder", True)),
    (_STARTED, Protection("start-up", "is run by shells or programs by themselves", True)),
    (_PACKAGE_TOOLS, Protection("package tool", "decides what package tools fetch and run", True)),
    (_AGENTS, Protection("agent", "decides what agents are told and may run", True)),
    (_REVIEWERS, Protection("reviewer", "decides what other reviewers and scanners see", True)),
    (_SPECS, Protection("spec", "is what the next tasks are done and judged by", True)),
    (_BUILDS, Protection("build", "is run by other tools by themselves", False)),
    (_CHECKS, Protection("check", "takes part in the checks", False)),
    (_LOCKS, Protection("lock file", "decides which packages are installed", False)),
)
_WILD = regex(r"[*?\[]")
# Disks that ignore such characters treat `.g<U+200C>ithub` as `.github`.
_IGNORED = regex("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


@lru_cache(maxsize=4096)
def protection_of(path: str) -> Protection | None:
    """Return why a path of the repository is protected, or None; spelling variants count too."""
    parts = tuple(fold_path(path).split("/"))
    return next(
        (kind for rules, kind in _RULES if any(_matches(parts, rule) for rule in rules)), None
    )


def fold_path(path: str) -> str:
    """Return the spelling that a case-insensitive or normalising disk treats as the same file."""
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    plain = _IGNORED.sub("", name).replace("\\", "/")
    return "/".join(part.rstrip(". ") or part for part in plain.split("/"))


Rule = tuple[tuple[str, ...], bool]
"""The names of a rule, and whether it is about a folder."""


def _matches(parts: tuple[str, ...], rule: Rule) -> bool:
    names, folder = rule
    if not folder:
        return _fits(parts[-len(names) :], names)
    if any(_fits(parts[n : n + len(names)], names) for n in range(len(parts))):
        return True
    # `.github` as a file, a link or a submodule replaces all that would be in it.
    hidden = names[0].startswith(".")
    return hidden and any(_fits(parts[-n:], names[:n]) for n in range(1, len(names)))


def _fits(parts: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if len(parts) != len(names):
        return False
    return all(_test_of(name)(part) for part, name in zip(parts, names, strict=True))


@cache  # of the rules only; `fnmatch` would compile plain names as well
def _test_of(name: str) -> Callable[[str], object]:
    return re.compile(translate(name)).match if _WILD.search(name) else name.__eq__


def _read(rules: str) -> tuple[Rule, ...]:
    return tuple((tuple(rule.rstrip("/").split("/")), rule.endswith("/")) for rule in rules.split())


_RULES = tuple((_read(rules), protection) for rules, protection in _TABLE)
