"""Keys in steering files: which become rules, and which reach agents as text."""

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.specs.architecture import architecture_of
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.steering import read_steering

KEYS = """\
codingStyle:
  preferServices: true
  useRepositoryPattern: true
  variableCase: camelCase
  fileCase: kebab-case
  indent: 2
architecture:
  useMVC: true
  includeDTOs: true
  includeValidation: true
"""
LAYERS = '[layer.services]\npaths = ["src/services"]\nmay_import = []\n'
TOML = ".reviewloop/architecture.toml"
FRONT = "inclusion: always\nfileMatchPattern: *.py\n"
PLACES = {
    ".kiro/steering/style.yaml": KEYS,
    ".kiro/steering/style.md": f"---\n{FRONT}{KEYS}---\n# Style\n",
    ".reviewloop/steering/style.md": f"# Style\n\nOurs:\n\n```yaml\n{KEYS}```\n\nuntil: then\n",
}


def memory(**texts: str) -> MemoryFiles:
    return MemoryFiles({path: text.encode() for path, text in texts.items()})


@pytest.mark.parametrize("path", PLACES)
def test_the_keys_of_the_article_are_read_wherever_they_are_written(path: str):
    text = PLACES[path]
    found = architecture_of(memory(**{path: text, TOML: LAYERS}))

    assert found is not None
    assert {one.key.name.rpartition(".")[2]: one.by for one in found.decisions} == {
        "preferServices": "rule",
        "useRepositoryPattern": "words",  # no layer has its name
        "variableCase": "rule",
        "fileCase": "rule",
        "indent": "rule",
        "useMVC": "words",
        "includeDTOs": "words",
        "includeValidation": "words",
    }
    for one in found.decisions:
        assert one.key.name.rpartition(".")[2] in text.split("\n")[one.key.line - 1]
    style = found.architecture.style_of("javascript")
    assert (style.file_case, style.variable_case, style.indent) == ("kebab-case", "camelCase", 2)
    assert found.architecture.required == ("services",)


def test_agents_are_given_rules_and_words():
    given = read_steering(memory(**{".kiro/steering/style.yaml": KEYS, TOML: LAYERS}), []).text()

    assert "all code: files are named in kebab-case, variables in camelCase" in given
    assert "- architecture.includeDTOs: true" in given


def test_the_file_is_the_home_of_style():
    files = memory(**{".kiro/steering/a.yaml": KEYS, TOML: '[style]\nfile_case = "snake_case"\n'})

    found = architecture_of(files)

    assert found is not None
    assert found.architecture.style_of("python").file_case == "snake_case"
    assert [one.key.name for one in found.decisions if one.by == "file"] == ["codingStyle.fileCase"]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("codingStyle:\n  fileCase: Title\n", 2, "it is one of kebab-case, snake_case"),
        ("codingStyle:\n  indent: many\n", 2, 'a number of spaces or "tab"'),
        ("codingStyle: [\n", 2, "not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(text: str, line: int, problem: str):
    path = ".kiro/steering/style.yaml"

    with pytest.raises(UsageError) as caught:
        architecture_of(memory(**{path: text}))

    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert problem in str(caught.value)


def test_prose_is_no_key():
    prose = "# Style\n\nNote:\n  not a key\n\nstyle:\nfree text\n"

    assert architecture_of(memory(**{".kiro/steering/a.md": prose, "AGENTS.md": KEYS})) is None


def test_a_key_that_holds_itself_ends():
    loop = "codingStyle: &a\n  b: *a\n  fileCase: kebab-case\n"

    found = architecture_of(memory(**{".kiro/steering/a.yaml": loop}))

    assert found is not None
    assert found.architecture.style_of("go").file_case == "kebab-case"
