"""The project's own ESLint: only where it is trusted, only in the sandbox, with our severities."""

import json
import shutil
from pathlib import Path

import pytest
from support.analysed_files import source

from reviewloop.analysis.contract import MUST, NIT, SHOULD, AnalyserStatus, Options
from reviewloop.analysis.programs import Program
from reviewloop.analysis.tools import TOOLS, run_tool
from reviewloop.sandbox.base import Sandbox
from reviewloop.sandbox.choose import choose

ESLINT = next(tool for tool in TOOLS if tool.name == "eslint")
CODE = 'const ok = 1;\nlet s = "😀"; eval(s);\nif (a == b) {}\neval(s); // eslint-disable-line\n'

# What the real one gives for such a file: the form of its results, its rules' own ids.
MODULE = """
const fs = require("node:fs");
class ESLint {
  constructor(options) { this.cwd = options.cwd; }
  async isPathIgnored(name) { return name.endsWith("ignored.js"); }
  async lintText(text, { filePath }) {
    if (text.includes("BREAK")) throw new Error("Cannot find module 'x'\\nRequire stack: ...");
    const found = [], held = [];
    text.split("\\n").forEach((line, index) => {
      for (const [code, ruleId, severity] of [
        ["eval(", "security/detect-eval-with-expression", 2], ["==", "eqeqeq", 1],
        [";", "semi", 2], ["debugger", "no-debugger", 2], ["let s", "prefer-const", 2],
      ]) {
        const at = line.indexOf(code);
        if (at < 0) continue;
        const place = { line: index + 1, column: at + 1, endColumn: at + 1 + code.length };
        const kept = line.includes("eslint-disable") ? held : found;
        kept.push({ ruleId, severity, message: `${ruleId} in ${filePath}`, ...place });
      }
    });
    if (text.includes("(((")) found.push({ ruleId: null, fatal: true, severity: 2, line: 1,
      column: 1, message: "Parsing error" });
    found.push({ ruleId: null, severity: 1, message: "File ignored" });
    for (const place of JSON.parse(process.env.PLACES || "[]")) fs.writeFileSync(place, "out");
    return [{ filePath, messages: found, suppressedMessages: held }];
  }
}
module.exports = { loadESLint: async () => ESLint, ESLint };
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Return a checkout whose folder `web` holds a project with ESLint."""
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(tmp_path / "state"))
    root = tmp_path / "checkout"
    package = root / "web/node_modules/eslint"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "9.1.0", "main": "index.js"}')
    (package / "index.js").write_text(MODULE)
    (root / "web/eslint.config.mjs").write_text("export default [];\n")
    return root


def options(root: Path, **changed) -> Options:
    trusted = {"trusts": lambda *_: True, "sandbox": choose, "timeout_seconds": 100}
    return Options(checkout=str(root), **{**trusted, **changed})


def js(path: str, text: str = CODE):
    return source(path, text)


@pytest.mark.needs_npm
def test_the_projects_eslint_says_what_it_says_with_our_severities(project):
    done = run_tool(ESLINT, [js("web/src/a.js"), js("web/ignored.js")], options(project))

    assert done.report.status is AnalyserStatus.DONE, done.report
    assert done.report.version == "9.1.0"
    rule = ESLINT.policy.rule
    found = {(h.rule, *h.span, h.severity) for h in done.hits}
    assert found == {
        # Columns are characters; what a comment switches off stands where it is about security.
        ("eslint/security/detect-eval-with-expression", 2, 2, 14, 19, None),
        ("eslint/security/detect-eval-with-expression", 4, 4, 1, 6, None),
        ("eslint/prefer-const", 2, 2, 1, 6, None),
        ("eslint/eqeqeq", 3, 3, 7, 9, None),
    }
    assert rule("security/detect-eval-with-expression").severity is SHOULD
    assert rule("no-debugger").severity is MUST
    assert rule("prefer-const").severity is NIT
    assert rule("semi") is None
    # It saw the name that the file has in the project.
    assert {h.message for h in done.hits if h.rule == "eslint/eqeqeq"} == {
        f"eqeqeq in {project}/web/src/a.js"
    }


@pytest.mark.needs_npm
def test_what_is_only_warned_of_is_a_nit(project):
    (project / "web/node_modules/eslint/index.js").write_text(
        MODULE.replace('"no-debugger", 2', '"no-debugger", 1')
    )
    done = run_tool(ESLINT, [js("web/a.js", "debugger\n")], options(project))
    assert [(h.rule, h.severity) for h in done.hits] == [("eslint/no-debugger", NIT)]


@pytest.mark.needs_npm
def test_a_file_that_eslint_fails_on_is_named_with_the_reason(project):
    files = [js("web/a.js"), js("web/b.js", "BREAK\n"), js("web/c.js", "(((\n")]
    done = run_tool(ESLINT, files, options(project))
    assert done.report.status is AnalyserStatus.PARTIAL
    assert done.report.reason == "web/b.js: Cannot find module 'x'"
    assert "eslint/parse" in {h.rule for h in done.hits}


@pytest.mark.needs_npm
def test_an_eslint_that_cannot_start_is_shown_as_failed(project):
    (project / "web/node_modules/eslint/index.js").write_text("throw new Error('no such plugin')")
    done = run_tool(ESLINT, [js("web/a.js")], options(project))
    assert done.report.status is AnalyserStatus.FAILED
    assert "Error: no such plugin" in done.report.reason


@pytest.mark.needs_npm
@pytest.mark.parametrize(
    "level",
    [
        pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
        pytest.param("landlock", marks=pytest.mark.needs_landlock),
    ],
)
def test_its_code_cannot_write_outside_of_the_sandbox(project, tmp_path, level):
    places = [str(project / "written"), str(project / "web/written"), str(tmp_path / "written")]
    package = project / "web/node_modules/eslint/index.js"
    package.write_text(MODULE.replace('process.env.PLACES || "[]"', repr(json.dumps(places))))
    given = options(project, sandbox=lambda: choose(requested=level))
    done = run_tool(ESLINT, [js("web/a.js")], given)
    assert done.report.status is AnalyserStatus.FAILED
    assert "E" in done.report.reason  # EROFS or EACCES
    assert not [place for place in places if Path(place).exists()]


def refused(project, **changed) -> str:
    done = run_tool(ESLINT, [js("web/a.js")], options(project, **changed))
    assert done.report.status is AnalyserStatus.NOT_CHECKED
    assert not done.hits
    return done.report.reason


def test_it_does_not_run_where_it_may_not(project, monkeypatch):
    asked: list[tuple[str, ...]] = []
    said = refused(project, trusts=lambda *about: bool(asked.append(about)))
    assert asked == [("eslint", "web/eslint.config.mjs", "export default [];\n")]
    assert said == (
        "not run: web/eslint.config.mjs is code; look at it, then allow it: reviewloop trust"
    )
    assert refused(project, of_others=True) == (
        "not run: its configuration is code, and others may have written the change"
    )
    assert "no sandbox holds here" in refused(project, sandbox=Sandbox)
    assert "no sandbox holds here" in refused(project, sandbox=None)
    monkeypatch.setenv("HOME", str(project / "web"))
    assert "holds your home folder" in refused(project)
    shutil.rmtree(project / "web/node_modules")
    assert refused(project).endswith("but ESLint is not installed: run npm install")


def test_a_file_outside_of_any_project_is_not_for_it(project):
    def understands(path):
        return Program(ESLINT, options(project), lambda: False).understands(js(path))

    assert understands("web/src/deep/a.js")
    assert not understands("api/a.js")
    (project / "web/eslint.config.mjs").unlink()
    outside = project.parent / "eslint.config.mjs"
    outside.write_text("export default [];\n")
    assert not understands("web/a.js")
    (project / "web/eslint.config.mjs").symlink_to(outside)
    assert not understands("web/a.js")
