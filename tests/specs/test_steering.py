"""Which steering files reach the agents, in which order, and why."""

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.specs.files import DiskFiles, MemoryFiles
from reviewloop.specs.steering import read_steering


def memory(**texts: str) -> MemoryFiles:
    return MemoryFiles({path: text.encode() for path, text in texts.items()})


def front(body: str = "Rule.", **keys: str) -> str:
    lines = [f"{key}: {value}" for key, value in keys.items()]
    return "\n".join(["---", *lines, "---", body, ""])


def decided(steering) -> dict[str, tuple[bool, str]]:
    return {item.path: (item.included, item.reason) for item in steering.items}


def test_global_comes_first_and_the_project_has_the_last_word():
    home = memory(**{"style.md": "Tabs.", "AGENTS.md": "Be kind.", "nested/no.md": "No."})
    project = memory(**{
        ".kiro/steering/product.md": "Spaces.", "AGENTS.md": "Root.", "src/api/AGENTS.md": "Api.",
        "src/AGENTS.md": "Src.", "web/AGENTS.md": "Web.", ".kiro/steering/deep/x.md": "No.",
    })  # fmt: skip
    steering = read_steering(project, ["src/api/users.py"], home=home)
    assert [item.path for item in steering.included] == [
        "~/.kiro/steering/AGENTS.md", "~/.kiro/steering/style.md", "AGENTS.md",
        ".kiro/steering/product.md", "src/AGENTS.md", "src/api/AGENTS.md",
    ]  # fmt: skip
    text = steering.text()
    assert "later one wins" in text
    assert text.index("Tabs.") < text.index("Spaces.") < text.index("Api.")
    assert "Web." not in text


def test_file_match_is_tested_against_the_paths_of_the_work():
    project = memory(**{
        ".kiro/steering/a.md": front(inclusion="fileMatch", fileMatchPattern='"src/api/**/*.py"'),
        ".kiro/steering/b.md": front(inclusion="fileMatch",
                                     fileMatchPattern='["web/**/*.{ts,tsx}", "*.sql"]'),
        ".kiro/steering/c.md": front(inclusion="fileMatch", fileMatchPattern="**/*.go"),
        ".kiro/steering/d.md": front(inclusion="fileMatch"),
    })  # fmt: skip
    found = decided(read_steering(project, ["src/api/v1/users.py", "db/1.sql"]))
    assert found[".kiro/steering/a.md"] == (True, "src/api/v1/users.py matches src/api/**/*.py")
    assert found[".kiro/steering/b.md"] == (True, "db/1.sql matches *.sql")
    assert found[".kiro/steering/c.md"] == (False, "no file of this work matches **/*.go")
    assert found[".kiro/steering/d.md"][0] is False


def test_patterns_may_be_a_block_list():
    text = "---\ninclusion: fileMatch\nfileMatchPattern:\n  - 'a/*.py'\n  - b/**\n---\nRule.\n"
    steering = read_steering(memory(**{".kiro/steering/a.md": text}), ["b/c/d.txt"])
    assert steering.included[0].reason == "b/c/d.txt matches b/**"


def test_manual_files_wait_to_be_asked_for():
    project = memory(**{".kiro/steering/release.md": front(inclusion="manual")})
    assert not read_steering(project, []).included
    assert read_steering(project, [], manual=["release"]).included


def test_auto_files_are_included_when_their_description_fits_the_task():
    text = front(inclusion="auto", name="migrations", description="Database migrations and schema")
    project = memory(**{".kiro/steering/db.md": text})
    fitting = read_steering(project, [], about="Add a migration for the order schema")
    assert fitting.included and "migration" in fitting.included[0].reason
    other = read_steering(project, [], about="Draw the logo")
    assert not other.included
    log = other.log()[0]
    assert log["mode"] == "auto" and log["included"] is False
    assert read_steering(project, [], manual=["migrations"]).included


def test_unknown_inclusion_is_included_and_said():
    project = memory(**{".kiro/steering/a.md": front(inclusion="sometimes")})
    item = read_steering(project, []).included[0]
    assert "'sometimes' is unknown" in item.reason


def test_front_matter_is_no_part_of_the_text_and_counts_only_at_the_top():
    project = memory(**{
        ".kiro/steering/a.md": front("Top.", inclusion="always"),
        ".kiro/steering/b.md": "\n" + front("Below.", inclusion="manual"),
        ".kiro/steering/c.md": front("Windows.", inclusion="always").replace("\n", "\r\n"),
    })  # fmt: skip
    a, b, c = read_steering(project, []).items
    assert a.text.strip() == "Top." and c.text.strip() == "Windows."
    assert b.included and "inclusion: manual" in b.text


def test_references_bring_in_files_of_the_repository():
    project = memory(**{
        ".kiro/steering/a.md": "See #[[file:docs/api.md]] and #[[file:docs/api.md:2-3]].",
        "docs/api.md": "one\ntwo\nthree\nfour #[[file:docs/other.md]]\n",
        "docs/other.md": "never",
        "lib/AGENTS.md": "See #[[file:notes.md]] and #[[folder:.]].",
        "lib/notes.md": "beside", "lib/a.py": "",
    })  # fmt: skip
    steering = read_steering(project, ["lib/a.py"])
    first, second = steering.included
    assert "one\ntwo\nthree" in first.text and "```\ntwo\nthree\n```" in first.text
    assert first.files == ("docs/api.md", "docs/api.md")
    assert "never" not in first.text
    assert "beside" in second.text and "lib/a.py" in second.text


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/passwd", "docs/../../x", "~/x", "missing.md", ".env",
             "config/credentials.json", "a\\b"],
)  # fmt: skip
def test_references_never_leave_the_repository_nor_reach_secrets(tmp_path, path):
    (tmp_path / "secret.txt").write_text("outside")
    root = tmp_path / "project"
    (root / ".kiro/steering").mkdir(parents=True)
    (root / "config").mkdir()
    (root / ".env").write_text("KEY=outside")
    (root / "config/credentials.json").write_text("outside")
    (root / ".kiro/steering/a.md").write_text(f"See #[[file:{path}]].")
    item = read_steering(DiskFiles(root), []).included[0]
    assert item.text == f"See #[[file:{path}]]."
    assert "not resolved" in item.reason


def test_large_files_are_cut_and_fences_stay_closed():
    project = memory(**{
        ".kiro/steering/a.md": "#[[file:big.txt]] #[[file:code.md]]",
        "big.txt": "x" * 1_000_000, "code.md": "```\ncode\n```\n",
    })  # fmt: skip
    text = read_steering(project, []).included[0].text
    assert len(text) < 30_000 and "[... cut ...]" in text
    assert "````\n```\ncode" in text


def test_what_does_not_fit_is_named():
    project = memory(**{".kiro/steering/a.md": "a" * 500, ".kiro/steering/b.md": "b" * 500})
    text = read_steering(project, []).text(limit=600)
    assert "Left out for lack of room: .kiro/steering/a.md" in text
    assert "aaa" not in text and "bbb" in text


def test_a_broken_line_of_front_matter_is_said():
    project = memory(**{".kiro/steering/a.md": "---\ninclusion: always\n???\n---\nRule.\n"})
    item = read_steering(project, []).included[0]
    assert item.text.strip() == "Rule." and "line 3" in item.reason


def test_without_steering_there_is_no_text():
    assert read_steering(memory(), ["a.py"]).text() == ""


def test_the_architecture_is_the_last_word_and_a_mistake_in_it_is_named():
    rules = (
        'layers = ["web", "store"]\n[layer.web]\npaths = ["web"]\n[layer.store]\npaths = ["db"]\n'
    )
    path = ".reviewloop/architecture.toml"
    own = "[style]\nindent = 2\n"
    texts = {".kiro/steering/a.md": "Spaces.", path: rules, f"shop/{path}": own}
    project = memory(**texts)

    steering = read_steering(project, [])

    assert [item.path for item in steering.included] == [".kiro/steering/a.md", path]
    assert "- web (web): may import store" in steering.text()
    assert read_steering(project, [], folder="shop").included[-1].path == f"shop/{path}"
    with pytest.raises(UsageError, match=r"architecture\.toml:1: .*no \[layer\.x\]"):
        read_steering(memory(**{path: 'layers = ["x"]\n'}), [])
