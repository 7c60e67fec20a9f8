"""The list of protected files, whatever the spelling, the depth, or whether the file exists."""

import pytest

from reviewloop.checkout import protected
from reviewloop.checkout.protected import protection_of
from reviewloop.rules.diff.steering import _rule_of

REFUSED = {
    "pipeline": [".github/workflows/ci.yml", ".github/actions/x/action.yml", "a/.gitlab-ci.yml"],
    "git hook": [".husky/pre-commit", ".githooks/x", ".pre-commit-config.yaml", "lefthook.yml"],
    "editor": [".vscode/tasks.json", ".idea/workspace.xml", ".devcontainer/x", "a.code-workspace"],
    "start-up": [".envrc", "src/sitecustomize.py", "lib/evil.pth", ".zshenv"],
    "package tool": [".npmrc", ".yarn/plugins/x.cjs", ".cargo/config.toml", "pip.conf"],
    "agent": [
        *(".mcp.json", "mcp.json", ".kiro/steering/x.md", ".kiro/settings/mcp.json"),
        *(".claude/settings.json", ".cursor/mcp.json", ".codex/config.toml", ".gemini/x"),
        *("AGENTS.md", "sub/CLAUDE.md", ".reviewloop/agents/x.json", "reviewloop.toml"),
        *(".github/copilot-instructions.md", ".kiroignore", "tools/x/SKILL.md"),
    ],
    "reviewer": [".coderabbit.yaml", ".pr_agent.toml", ".gitleaksignore", "zizmor.yml"],
    "spec": [
        *(
            ".kiro/specs/csv/tasks.md",
            ".kiro/specs/csv/requirements.md",
            "openspec/specs/a/spec.md",
        ),
        *("specs/001-login/tasks.md", "specs/001-login/contracts/a.yaml"),
        *(".specify/memory/constitution.md", "openspec/changes/x/tasks.md", "openspec/project.md"),
    ],
}
REFUSED["pipeline"] += [
    *(".forgejo/workflows/x.yml", ".gitea/workflows/x.yml", ".zuul.yaml", "zuul.d/x.yaml"),
    *(".mergify.yml", ".github/settings.yml", ".cirrus.yml", ".builds/x.yml", "renovate.json"),
]
REFUSED["start-up"] += [
    *(".Rprofile", ".ghci", ".octaverc"),
    *("zz-1.0.dist-info/entry_points.txt", "src/zz.egg-info/entry_points.txt"),
]
REFUSED["editor"] += [".vs/tasks.vs.json", ".theia/tasks.json", ".replit"]
REFUSED["package tool"] += ["uv.toml"]
LISTED = {
    "check": ["conftest.py", "tests/conftest.py", "Makefile", "noxfile.py", "sub/tox.ini"],
    "build": ["action.yml", "flake.nix", "shell.nix", "Directory.Build.props"],
    "lock file": ["package-lock.json", "web/yarn.lock", "uv.lock", "Cargo.lock", "go.sum"],
}
LISTED["check"] += [
    *("pytest.toml", ".pytest.toml", "jest.config.ts", "vitest.config.js", ".mocharc.json"),
    *("karma.conf.js", "phpunit.xml.dist", ".rspec"),
]
CASES = [(k, p, True) for k, paths in REFUSED.items() for p in paths] + [
    (k, p, False) for k, paths in LISTED.items() for p in paths
]


@pytest.mark.parametrize(("kind", "path", "refused"), CASES, ids=[path for _, path, _ in CASES])
def test_a_protected_file_is_known_by_any_spelling(kind, path, refused):
    spellings = [path, path.upper(), f"deep/er/{path}", f"{path}.", path.replace("i", "\u200ci")]
    for spelling in spellings:
        found = protection_of(spelling)
        assert found is not None, spelling
        assert (found.kind, found.refused) == (kind, refused), spelling


@pytest.mark.parametrize("path", [".github", "sub/.KIRO", ".vscode", ".github/workflows"])
def test_what_can_stand_for_a_protected_folder_is_protected(path):
    assert protection_of(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        *("shop/search.py", "README.md", "docs/workflows/ci.yml", "github/workflows/x.yml"),
        *("src/vscode/tasks.json", "pyproject.toml", "package.json", "tests/test_conftest.py"),
        *(".github/ISSUE_TEMPLATE/bug.md", "specs/search_spec.rb", "bin/gradle", "mk.py"),
        *("tasks.md", "claude.py", "agents/fix.json", ".env.example", ".gitignore"),
    ],
)
def test_ordinary_files_are_not_protected(path):
    assert protection_of(path) is None


def test_what_reviews_call_poisonable_is_refused_to_agents():
    known = """
    CLAUDE.local.md AGENTS.md GEMINI.md .cursorrules .windsurfrules .clinerules .goosehints
    .windsurf/x .roo/x .continue/x .trae/x .augment/x .junie/x .kiro/prompts/x .github/prompts/x
    .github/instructions/x .github/chatmodes/x .vscode/mcp.json .aider.conf.yml .opencode/x
    opencode.json .vscode/settings.json .idea/runConfigurations/x .git-hooks/x .devcontainer.json
    .gitmodules .gitconfig .yarnrc .yarnrc.yml .pnpmfile.cjs .pypirc .gitpod.yml .mise.toml
    .circleci/x Jenkinsfile azure-pipelines.yml bitbucket-pipelines.yml .travis.yml .buildkite/x
    """
    for path in known.split():
        assert _rule_of(path), path
        found = protection_of(path)
        assert found is not None and found.refused, path


def test_only_names_with_wildcards_are_compiled_and_once(monkeypatch):
    """All others were, too: a tenth of a second in each process that asks for the first time."""
    protection_of.cache_clear()
    protected._test_of.cache_clear()
    compiled, compile_ = [], protected.re.compile

    def counted(text, *flags):
        compiled.append(text)
        return compile_(text, *flags)

    monkeypatch.setattr(protected.re, "compile", counted)
    assert protection_of("shop/first.py") is None
    first = len(compiled)
    assert 0 < first < 100
    assert protection_of("shop/second.py") is None
    assert protection_of("sub/taskfile.yaml") is not None
    assert len(compiled) == first
