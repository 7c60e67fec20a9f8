"""The syntax of `.reviewloop/architecture.toml`, and errors for mistakes in it."""

from dataclasses import replace

import pytest

from reviewloop.architecture.model import in_words, parse_architecture
from reviewloop.architecture.writing import as_toml, keep_comments
from reviewloop.domain.errors import ExitCode, UsageError

LAYERED = """\
layers = ["controllers", "services | jobs", "repositories"]

[layer.controllers]
paths = ["src/controllers"]
may_import = ["services"]

[layer.services]
paths = ["src/services"]
forbidden = ["express"]

[layer.jobs]
paths = ["src/jobs"]

[layer.repositories]
paths = ["src/repositories"]

[[slices]]
name = "features"
paths = ["src/features/*"]
may_import = ["shared"]

[[kinds]]
name = "repository"
files = ["*.repository.ts"]
folders = ["src/repositories/"]

[style]
file_case = "kebab-case"
required_layers = ["services"]

[style.python]
indent = 4
"""


def parsed(text: str):
    return parse_architecture(text.encode())


def test_a_layer_may_import_what_is_below_it_or_what_it_names():
    found = parsed(LAYERED)

    assert {layer.name: layer.may_import for layer in found.layers} == {
        "controllers": ("services",),
        "services": ("repositories",),
        "jobs": ("repositories",),
        "repositories": (),
    }
    assert found.layer_of("src/jobs/nightly/run.ts") == "jobs"
    assert found.layer_of("src/other.ts") == ""


def test_what_is_written_is_read_back_as_it_was():
    found = parsed(LAYERED)

    assert parsed(as_toml(found)) == found
    assert as_toml(parsed(as_toml(found))) == as_toml(found)


def test_of_two_layers_the_longer_pattern_counts():
    nested = '[layer.a]\npaths = ["src"]\nmay_import = ["b"]\n'
    found = parsed(nested + '[layer.b]\npaths = ["src/inner"]\nmay_import = []\n')

    assert [found.layer_of(p) for p in ("src/x.py", "src/inner/x.py")] == ["a", "b"]


def test_agents_are_given_every_rule_in_words():
    words = in_words(parsed(LAYERED))

    assert "- controllers (src/controllers): may import services" in words
    assert "never the packages express" in words
    assert "slices do not import each other, all may import shared" in words
    assert "files *.repository.ts live in src/repositories/" in words
    assert "all code: files are named in kebab-case" in words
    assert "python: lines are indented by 4 spaces" in words


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (
            '[layer.a]\npaths = ["a"]\nmay_import = ["b"]\n'
            '[layer.b]\npaths = ["b"]\nmay_import = ["a"]\n',
            1,
            "import each other in a circle: a -> b -> a",
        ),
        (
            'layers = ["a", "b"]\n[layer.a]\npaths = ["a"]\n'
            '[layer.b]\npaths = ["b"]\nmay_import = ["a"]\n',
            4,
            "circle: a -> b -> a",
        ),
        ('[style]\nfile_case = "Kebab"\n', 2, "one of kebab-case, snake_case, camelCase, Pasc"),
        ('[style]\nvariable_case = "x"\n', 2, "one of kebab-case"),
        ('[style]\nindent = "two"\n', 2, 'a number of spaces or "tab"'),
        ('[style]\nfilecase = "kebab-case"\n', 2, "did you mean file_case?"),
        ('layers = ["a"]\n', 1, "no [layer.a] with its paths"),
        ('layers = ["a", "a"]\n', 1, "the layer a is there twice"),
        ('[layer.a]\npaths = ["a"]\n', 1, "say what a may import"),
        ("[layer.a]\nmay_import = []\n", 1, "say where the layer a is"),
        ('[layer.a]\npaths = ["a"]\nmay_import = ["aa"]\n', 3, "did you mean a?"),
        ("layer = 3\n", 1, "layer is a table"),
        ('[layer.a]\npaths = ["../a"]\nmay_import = []\n', 2, "matches no path"),
        ('[[kinds]]\nname = "a"\n', 1, "a kind has a name, files and the folders"),
        ("\n\nlayers = [\n", 3, "not valid TOML"),
        ('[style]\nrequired_layers = ["x"]\n', 2, "there is no layer x"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(text: str, line: int, problem: str):
    with pytest.raises(UsageError) as caught:
        parsed(text)

    said = str(caught.value)
    assert said.startswith(f".reviewloop/architecture.toml:{line}: ")
    assert problem in said
    assert "\n" not in said
    assert caught.value.exit_code is ExitCode.USAGE


OWN = """\
# Owned by the platform team; ask them first.

# Agreed in March.
layers = ["web", "data"]  # web is thin

[layer.web]
paths = [
    "app/web",  # moves soon
]
# Old pages live elsewhere: "app/#old"
forbidden = ["app.#old"]

# Nobody writes SQL elsewhere.
[layer.data]
paths = ["app/data"]

[layer.gone]
# It was merged.
paths = ["app/gone"]

[style]
indent = 4
# That is all.
"""


def test_comments_of_people_stay_with_what_they_were_written_for():
    found = parse_architecture(OWN.replace('"data"]', '"data", "gone"]').encode())
    kept = replace(found, layers=found.layers[:2], levels=found.levels[:2])

    text = keep_comments(as_toml(kept), OWN)

    assert text.split("\n\n", 1)[1] == (
        "# Owned by the platform team; ask them first.\n# It was merged.\n\n"
        "# Top first: a layer may import those below it; `a | b` do not import each other.\n"
        '# Agreed in March.\nlayers = ["web", "data"]  # web is thin\n\n'
        '[layer.web]\n# moves soon\npaths = ["app/web"]\n'
        '# Old pages live elsewhere: "app/#old"\nforbidden = ["app.#old"]\n\n'
        '# Nobody writes SQL elsewhere.\n[layer.data]\npaths = ["app/data"]\n\n'
        "[style]\nindent = 4\n\n# That is all.\n"
    )
    assert parse_architecture(text.encode()) == parse_architecture(as_toml(kept).encode())
    assert keep_comments(as_toml(kept), text) == text
    assert keep_comments(as_toml(kept), as_toml(kept)) == as_toml(kept)
    assert keep_comments(as_toml(kept), "") == as_toml(kept)
