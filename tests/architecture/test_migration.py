"""From a sentence with arrows to new rules and the modules that violate them."""

import pytest

from reviewloop.architecture.checks import Project
from reviewloop.architecture.migration import chain_in, migrate
from reviewloop.architecture.model import parse_architecture
from reviewloop.architecture.writing import as_toml
from reviewloop.domain.errors import UsageError

MVC = """\
layers = ["web", "controllers", "views", "models"]
[layer.web]
paths = ["app/web.py"]
[layer.controllers]
paths = ["app/controllers"]
[layer.views]
paths = ["app/views"]
[layer.models]
paths = ["app/models"]
"""
FILES = {
    "app/web.py": "import app.controllers.users\n",
    "app/controllers/users.py": "import app.repositories.rows\nimport app.models.user\n",
    "app/controllers/admin/page.py": "from app.repositories.rows import all_rows\n",
    "app/repositories/rows.py": "import app.models.user\nimport app.controllers.users\n",
    "app/views/page.py": "import app.models.user\n",
    "app/models/user.py": "",
    "app/__init__.py": "",
}
SENTENCE = "Migrate from MVC to layered architecture: controllers → services → repositories."


@pytest.mark.parametrize(
    "sentence",
    [SENTENCE, "controllers -> services=>repositories", "controllers->services->repositories"],
)
def test_the_names_between_arrows_are_the_layers(sentence: str):
    assert chain_in(sentence) == ("controllers", "services", "repositories")


@pytest.mark.parametrize("sentence", ["", "make it layered", "a -> ", "a -> b -> a"])
def test_a_sentence_without_layers_is_refused(sentence: str):
    with pytest.raises(UsageError, match="say the layers with arrows"):
        chain_in(sentence)


def test_each_named_layer_may_import_the_next_and_the_others_keep_their_rules():
    project = Project.of(parse_architecture(MVC.encode()), FILES, FILES.get)

    found = migrate(project, SENTENCE)
    written = parse_architecture(as_toml(found.architecture).encode())

    assert {layer.name: layer.may_import for layer in written.layers} == {
        "web": ("controllers", "services", "repositories", "views", "models"),
        "controllers": ("services", "views", "models"),
        "services": ("repositories", "views", "models"),
        "repositories": ("views", "models"),
        "views": ("models",),
        "models": (),
    }
    assert written.by_name["services"].paths == ("app/services",)
    assert [(one.path, len(one.hits)) for one in found.modules] == [
        ("app/repositories", 1),
        ("app/controllers", 1),
        ("app/controllers/admin", 1),
    ]


def test_a_project_without_any_of_the_names_is_refused():
    project = Project.of(parse_architecture(MVC.encode()), FILES, FILES.get)

    with pytest.raises(UsageError, match="no layer or folder is called alpha or beta; layers: web"):
        migrate(project, "alpha -> beta")
