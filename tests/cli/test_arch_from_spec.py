"""`arch init --spec`: a spec's design becomes rules and text of the repository."""

import pytest

DESIGN = """\
# Design Document

## Architecture

Requests go src/services -> src/models, app.services -> models and browser -> services.

```
services -> controllers
```

Controllers → `Services` → Model, in src/controllers/post.py, src/services/post.py and
src/models/post.py.

## Decisions

- SQLite and no server: "one" file
  is enough
- No cache

## Open points

- Paging
"""
TASKS = "# Implementation Plan\n\n- [ ] 1. Write posts\n"
REQUIREMENTS = "# Requirements Document\n\n## Decisions\n\n- Which channel? email\n"
FILE = ".reviewloop/architecture.toml"


@pytest.fixture
def blog(project):
    """Return a repository whose spec is designed, and nothing of it built."""
    folder = project / ".kiro/specs/blog"
    folder.mkdir(parents=True)
    (folder / "requirements.md").write_text(REQUIREMENTS)
    (folder / "design.md").write_text(DESIGN)
    (folder / "tasks.md").write_text(TASKS)
    return project


def test_layers_and_decisions_of_a_design_become_rules(blog, reviewloop):
    said = reviewloop("arch", "init", "--spec", "blog")

    assert said.code == 0, said.err
    assert said.out == f"wrote {FILE}: 3 layers, 2 decisions, broken today: 0\n"
    text = (blog / FILE).read_text()
    assert 'layers = ["controllers", "services", "model"]' in text
    assert '[layer.model]\npaths = ["src/models"]' in text
    assert r'decisions = ["SQLite and no server: \"one\" file is enough", "No cache"]' in text
    (blog / "src/models").mkdir(parents=True)
    (blog / "src/services").mkdir()
    (blog / "src/services/post.py").write_text("")
    (blog / "src/models/post.py").write_text("from src.services import post\n")
    checked = reviewloop("arch", "check", "--all")
    assert checked.code == 1
    assert "src/models/post.py:1" in checked.out


def test_what_the_file_says_stays_and_nothing_is_added_twice(blog, reviewloop):
    (blog / ".reviewloop").mkdir()
    ours = '# Ask Ada first.\nlayers = ["ui", "core"]\ndecisions = ["No cache"]\n'
    tables = '[layer.ui]\npaths = ["ui"]\n[layer.core]\npaths = ["core"]\n'
    (blog / FILE).write_text(ours + tables)

    assert reviewloop("arch", "init", "--spec", "blog").code == 0

    text = (blog / FILE).read_text()
    assert "# Ask Ada first." in text
    assert 'layers = ["ui", "core"]' in text
    assert text.count("No cache") == 1
    assert "SQLite and no server" in text
    again = reviewloop("arch", "init", "--spec", "blog")
    assert again.code == 2
    assert "has the decisions of blog already" in again.err
    assert (blog / FILE).read_text() == text


def test_a_design_without_either_is_told_and_nothing_written(blog, reviewloop):
    (blog / ".kiro/specs/blog/design.md").write_text("# Design\n\nlib -> web.\n")

    said = reviewloop("arch", "init", "--spec", "blog")

    assert said.code == 2
    assert "has no list under a heading Decisions and no layers" in said.err
    assert not (blog / FILE).exists()
    both = reviewloop("arch", "init", "--spec", "blog", "--force")
    assert (both.code, "leave out --pattern and --force" in both.err) == (2, True)
    assert reviewloop("arch", "init", "--spec", "none").code == 2


def test_agents_are_given_the_decisions(blog, reviewloop):
    from reviewloop.app.arch.project import architecture_at

    reviewloop("arch", "init", "--spec", "blog")

    assert "- decided: No cache" in architecture_at(blog).words
