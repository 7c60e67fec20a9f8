"""`hooks show`: which file fires which hooks, as lines and as a page."""

import json
import shutil
from pathlib import Path

import pytest

HOOKS = """\
- name: <b>tidy
  trigger: {event: file.save, filter: ['src/**/*.py', '!src/old/**']}
  action: {command: 'ruff check {file_path}', blocking: true}
- name: count
  trigger: {event: file.create, filter: ['**/*.md']}
  action: {command: wc}
- name: ship it
  trigger: {event: deploy}
  action: {command: 'true'}
"""
FILES = ("src/a.py", "src/old/b.py", "README.md", "docs/été.md")


@pytest.fixture
def hooked(project, git):
    for path in (*FILES, ".reviewloop/hooks/a.yaml"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("x\n")
    (project / ".reviewloop/hooks/a.yaml").write_text(HOOKS)
    git(project, "add", "-A")
    return project


def test_files_are_listed_with_their_hooks(hooked, reviewloop):
    said = reviewloop("hooks", "show")
    assert said.code == 0
    assert said.out.splitlines() == [
        "README.md: count",
        "docs/été.md: count",
        "src/a.py: <b>tidy",
    ]
    assert said.err == "on no single file: ship it\n"


@pytest.mark.needs_chromium
@pytest.mark.slow
def test_the_page_filters_by_path_in_a_browser_and_loads_nothing(hooked, reviewloop, tmp_path):
    from playwright.sync_api import sync_playwright

    file = tmp_path / "hooks.html"
    file.write_text(reviewloop("hooks", "show", "--html").out, "utf-8")
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        asked, told = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.goto(file.as_uri())
        files, hooks = (
            page.locator("#files tbody tr:visible"),
            page.locator("#hooks tbody tr:visible"),
        )
        assert (files.count(), hooks.count()) == (3, 3)
        assert "<b>tidy" in hooks.first.inner_text()
        page.fill("#path", "src/")
        assert (files.count(), page.locator("#count").inner_text()) == (1, "1")
        names = [row.get_attribute("data-name") for row in hooks.all()]
        assert names == ["<b>tidy", "ship it"]
        page.fill("#path", "été")
        assert json.loads(files.first.get_attribute("data-hooks") or "") == ["count"]
        page.fill("#path", "src/old")
        assert files.count() == 0
        assert (asked, told) == ([file.as_uri()], [])
        browser.close()


def test_a_repository_without_hooks_says_so(project, reviewloop):
    assert reviewloop("hooks", "show").err == "no hook fires here\n"
    page = reviewloop("hooks", "show", "--html").out
    assert Path(project).name in page
