"""The rules on whole trees: the four known patterns with one violation each, and our own layers."""

import tomllib
from pathlib import Path

import pytest

from reviewloop.architecture.checks import Project, tree_hits
from reviewloop.architecture.infer import infer_architecture, preset
from reviewloop.architecture.model import Architecture, parse_architecture
from reviewloop.architecture.writing import as_toml

ROOT = Path(__file__).parents[2]

MVC = {
    "app/controllers/users.py": "import app.models.user\nfrom app.views.page import draw\n",
    "app/views/page.py": "from app.models.user import User\n",
    "app/models/user.py": "class User: ...\n",
    "app/__init__.py": "",
}
LAYERED = {
    "src/controllers/user.controller.ts": "import { find } from '../services/user.service';\n",
    "src/services/user.service.ts": "import { rows } from '../repositories/user.repository';\n",
    "src/repositories/user.repository.ts": "import { User } from '../models/user';\n",
    "src/models/user.ts": "export class User {}\n",
}
PORTS = '\nimport "example.com/shop/internal/ports"\n'
HEXAGONAL = {
    "go.mod": "module example.com/shop\n",
    "internal/adapters/http/server.go": f"package http\n{PORTS}",
    "internal/application/order.go": f"package application\n{PORTS}",
    "internal/ports/orders.go": 'package ports\n\nimport "example.com/shop/internal/domain"\n',
    "internal/domain/order.go": "package domain\n",
}
CLEAN = {
    "shop/infrastructure/database.py": "from shop.interfaces.gateway import Gateway\n",
    "shop/interfaces/gateway.py": "from shop.usecases.order import place\n",
    "shop/usecases/order.py": "from shop.entities.order import Order\n",
    "shop/entities/order.py": "class Order: ...\n",
    "shop/__init__.py": "",
}
FIXTURES = [
    ("mvc", MVC, "app/models/user.py", "from app.views.page import draw\n", 1),
    (
        "layered",
        LAYERED,
        "src/repositories/user.repository.ts",
        "import '../models/user';\nimport { find } from '../services/user.service';\n",
        2,
    ),
    (
        "hexagonal",
        HEXAGONAL,
        "internal/domain/order.go",
        'package domain\n\nimport "example.com/shop/internal/adapters/http"\n',
        3,
    ),
    ("clean", CLEAN, "shop/entities/order.py", "from shop.infrastructure.database import db\n", 1),
]


def project(files: dict[str, str], architecture: Architecture | None = None) -> Project:
    return Project.of(architecture or Architecture(), files, files.get)


def hits(files: dict[str, str], architecture: Architecture) -> list[tuple[str, str, int]]:
    found = tree_hits(project(files, architecture))
    return [(hit.rule, hit.path, hit.span.line if hit.span else 0) for hit in found]


@pytest.mark.parametrize(("pattern", "files", "path", "broken", "line"), FIXTURES)
def test_a_known_pattern_is_clean_and_its_one_violation_is_found(
    pattern: str, files: dict[str, str], path: str, broken: str, line: int
):
    architecture = preset(project(files), pattern)
    architecture = parse_architecture(as_toml(architecture).encode())

    assert hits(files, architecture) == []
    assert hits({**files, path: broken}, architecture) == [("arch/layer", path, line)]


@pytest.mark.parametrize(("files", "path", "broken"), [row[1:4] for row in FIXTURES])
def test_what_is_inferred_is_broken_by_nothing_of_today(files: dict, path: str, broken: str):
    architecture = infer_architecture(project(files))
    architecture = parse_architecture(as_toml(architecture).encode())

    assert hits(files, architecture) == []
    assert ("arch/layer", path) in {one[:2] for one in hits({**files, path: broken}, architecture)}
    assert hits({**files, path: broken}, infer_architecture(project({**files, path: broken}))) == []


def test_what_imports_a_folder_called_tests_is_one_tie_and_broken_by_nothing():
    files = {
        "app/web/a.py": "import app.rules.b\n",
        "app/rules/b.py": "",
        "app/rules/tests/reports.py": "def read(): ...\ndef write(): ...\n",
        "app/guards/c.py": "from app.rules.tests.reports import read, write\n",
    }
    architecture = infer_architecture(project(files))

    assert "rules" in architecture.by_name["guards"].may_import
    assert hits(files, architecture) == []
    turned = parse_architecture(
        b'layers = ["rules", "guards"]\n[layer.rules]\npaths = ["app/rules"]\n'
        b'[layer.guards]\npaths = ["app/guards"]\n'
    )
    assert hits(files, turned) == [("arch/layer", "app/guards/c.py", 1)]


def own_layers() -> Architecture:
    """Return the layers of our own import contract as an architecture."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(one for one in contracts["contracts"] if one["type"] == "layers")
    levels, tables = [], []
    for row in contract["layers"]:
        rooms = [name.strip() for name in row.split("|")]
        names = []
        for room in rooms:
            parts = [one.strip() for one in room.split(":")]  # these may import each other
            paths = [path for one in parts for path in own_paths(one)]
            names.append("-".join(parts))
            tables.append(f"[layer.{names[-1]}]\npaths = {paths!r}\n")
        levels.append(" | ".join(names))
    return parse_architecture(f"layers = {levels!r}\n{''.join(tables)}".encode())


def own_paths(room: str) -> list[str]:
    folder = ROOT / "reviewloop" / room
    return [f"reviewloop/{room}" if folder.is_dir() else f"reviewloop/{room}.py"]


def own_tree() -> dict[str, str]:
    paths = (ROOT / "reviewloop").rglob("*.py")
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


@pytest.mark.slow
def test_our_own_tree_keeps_the_layers_of_its_import_contract():
    files, architecture = own_tree(), own_layers()

    assert len(architecture.layers) > 20
    assert hits(files, architecture) == []

    files["reviewloop/git/diff.py"] = "from reviewloop.cli.main import run\n"
    assert hits(files, architecture) == [("arch/layer", "reviewloop/git/diff.py", 1)]


STYLE = """\
[style]
file_case = "kebab-case"
variable_case = "camelCase"
indent = 2

[style.python]
file_case = "snake_case"
variable_case = "snake_case"
indent = 4

[style.go]
indent = "tab"
"""


@pytest.mark.parametrize(
    ("path", "text", "rules"),
    [
        ("src/user-list.ts", "export const userName = 1;\n", set()),
        ("src/userList.ts", "", {"style/file-case"}),
        ("src/[id]/page.tsx", "", set()),
        ("src/a.ts", "let user_name = 1;\n", {"style/variable-case"}),
        ("src/a.ts", "function f(user_name: string) {}\n", {"style/variable-case"}),
        ("src/a.ts", "const f = ({ user_name }: Row, { a_b: c } = x) => c;\n", set()),
        ("src/a.ts", "const MAX_AGE = 1;\nconst Button = () => 1;\n", set()),
        ("src/a.ts", "if (a) {\n    b();\n}\n", {"style/indent"}),
        ("src/a.ts", "call(\n    a,\n    () => {\n      b();\n    },\n);\n", set()),
        ("src/a.ts", "class A {\n\tb() {}\n}\n", {"style/indent"}),
        ("app/user_list.py", "def f(a_b, *, c_d=1):\n    x_y: int = 1\n", set()),
        ("app/userList.py", "", {"style/file-case"}),
        ("app/a.py", "for userName in x:\n    pass\n", {"style/variable-case"}),
        ("app/a.py", "Pair = tuple[int, int]\n_T = 1\n", set()),
        ("app/a.py", "if a:\n  b()\n", {"style/indent"}),
        ("app/a.py", "x = f(\n      1,\n        2)\n", set()),
        ("cmd/a.go", "package a\n\nfunc F(userID int) {\n\tx := 1\n}\n", set()),
        ("cmd/a.go", "package a\n\nfunc F() {\n    x := 1\n}\n", {"style/indent"}),
        ("cmd/a.go", "package a\n\nvar user_id = 1\n", {"style/variable-case"}),
        ("app/gen.py", "# @generated by a tool\naB = 1\n", set()),
    ],
)
def test_style(path: str, text: str, rules: set[str]):
    architecture = parse_architecture(STYLE.encode())

    assert {rule for rule, _, _ in hits({path: text}, architecture)} == rules


def test_the_style_and_the_kinds_in_which_all_files_agree_are_inferred():
    files = {
        f"src/repositories/user-{n}-rows.repository.ts": f"export function f{n}(aRow: Row) {{\n"
        + "".join(f"  const userName{m} = aRow;\n" for m in range(10))
        + "}\n"
        for n in range(3)
    }

    text = as_toml(infer_architecture(project(files)))

    assert 'file_case = "kebab-case"' in text
    assert 'variable_case = "camelCase"' in text
    assert "indent = 2" in text
    assert 'files = ["*.repository.ts"]\nfolders = ["**/repositories/"]' in text
    assert hits(files, parse_architecture(text.encode())) == []


def test_slices_that_stay_apart_are_inferred():
    files = {
        "src/features/cart/a.ts": "import { x } from '../shared/x';\n",
        "src/features/orders/a.ts": "import { x } from '../shared/x';\n",
        "src/features/shared/x.ts": "export const x = 1;\n",
    }
    architecture = infer_architecture(project(files))

    assert [(one.paths, one.may_import) for one in architecture.slices] == [
        (("src/features/*",), ("shared",))
    ]
    files["src/features/cart/a.ts"] = "import { y } from '../orders/a';\n"
    assert ("arch/slice", "src/features/cart/a.ts", 1) in hits(files, architecture)


def test_loose_files_of_a_go_package_are_one_layer_and_projects_side_by_side_are_looked_into():
    package = {f"{name}.go": "package shop\n" for name in "abc"}
    files = {"go.mod": "module example.com/shop\n", **package}
    files["web/web.go"] = 'package web\n\nimport "example.com/shop"\n'

    assert infer_architecture(project(files)).levels == (("web",), ("root",))

    rooms = {f"{side}/{room}/m{n}.py": "" for side in "xy" for room in "pq" for n in range(6)}
    rooms["x/p/m1.py"] = "from x.q import m1\n"
    levels = infer_architecture(project(rooms)).levels

    assert levels == (("p",), ("q", "y-p", "y-q"))
