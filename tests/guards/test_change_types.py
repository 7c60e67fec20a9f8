"""Kinds of change by content: each with matching changes and similar ones that do not match."""

import pytest

from reviewloop.domain.gate import GateStatus
from reviewloop.guards import governance
from reviewloop.guards.change_types import KINDS
from reviewloop.settings.schema import Governance

ENGINE = "from sqlalchemy import Column, Integer\n"
WORKFLOW = "on: push\njobs:\n  test:\n    runs-on: x\n    steps:\n      - run: make\n"
ROUTE = "@app.get('/users')\ndef users():\n    return []\n"
LOCK = """\
[[package]]
name = "mine"
version = "VERSION"
source = { editable = "." }

[[package]]
name = "other"
version = "3"
source = { registry = "x" }
"""
RUST = '[dependencies]\na = { version = "2", features = ["y", "x"] }\n'
LONG = "# as long as lock files of large projects\n" + "#........\n" * 59_999
NPM = """\
{
  "version": "9.0.0",
  "packages": {
    "": {"version": "9.0.0"},
    "apps/web": {"version": "9.0.0"},
    "node_modules/web": {"resolved": "apps/web", "link": true},
    "node_modules/a": {"version": "3", "libc": ["musl"], "integrity": "sha512-a"}
  }
}
"""
GRAPHQL = """\
type Query implements A & B @doc(category: "x") {
  \"\"\"Users.\"\"\"
  users(first: Int = 10, "how" by: [Key!]! = [ID]): [User!]! @deprecated(reason: "old {")
  name: String
}

enum Key { ID, NAME }
union Any = | Query | Key  # of all
input In { a: Int! = 1 }
"""
OPENAPI = """\
openapi: 3.1.0
info: {version: "1"}
paths:
  /users:
    get:
      summary: Users
      deprecated: false
      parameters:
        - {name: first, in: query, schema: {type: integer}}
      responses:
        "200": {description: fine}
components:
  schemas:
    User:
      properties:
        title: {type: string, description: His title}
"""
PROTO = "message A {\n  int32 a = 1;  // first\n}\n"
OF_KIND = {
    "database_schema": [
        ("db/init.sql", "", "CREATE TABLE users (id int);\n", 1, "CREATE TABLE u"),
        ("queries.py", "x = 1\n", 'x = 1\nSQL = "ALTER TABLE users ADD age int"\n', 2, "ALTER"),
        ("a.py", ENGINE, f"{ENGINE}age = Column(Integer)\n", 2, "Column("),
        ("app/models.py", "from django.db import models\n",
         "from django.db import models\n\nname = models.CharField(max_length=3)\n", 3, "models."),
        ("m/0002.py", "", "operations = [\n    migrations.AddField(\n", 2, "migrations.AddField("),
        ("src/user.ts", "import 'typeorm';\n", "import 'typeorm';\n@Column()\na: int;\n", 2, "@C"),
        ("prisma/schema.prisma", "", "model User {\n  id Int @id\n}\n", 1, "m"),
        ("store.go", "package a\n", 'package a\n\nconst q = `DROP TABLE users`\n', 3, "DROP"),
    ],
    "security_config": [
        ("app.py", "", "app.add_middleware(CORSMiddleware)\n", 1, "CORSMiddleware"),
        ("server.js", "", "app.use(helmet());\n", 1, "helmet("),
        ("views.py", "def f(): ...\n", "@login_required\ndef f(): ...\n", 1, "@login_required"),
        ("client.py", "", "requests.get(url, verify=False)\n", 1, "verify=False"),
        ("tls.go", "package a\n", "package a\n\nvar c = C{InsecureSkipVerify: true}\n", 3, "Inse"),
        ("main.tf", "", 'resource "aws_iam_role" "x" {}\n', 1, "aws_iam_role"),
        ("k8s/role.yaml", "", "kind: ClusterRole\n", 1, "kind: ClusterRole"),
        ("template.yaml", "", "Type: AWS::IAM::Policy\n", 1, "AWS::IAM::Policy"),
    ],
    "ci_pipeline": [
        (".github/workflows/ci.yml", "", WORKFLOW, 1, "on: push"),
        ("ci/pipeline.yaml", WORKFLOW, WORKFLOW + "      - run: ship\n", 7, "- run: ship"),
        ("sub/.gitlab-ci.yml", "", "test:\n  script: make\n", 1, "test:"),
        ("Jenkinsfile", "pipeline {}\n", "pipeline { agent any }\n", 1, "pipeline {"),
    ],
    "environment_variables": [
        ("app/config.py", "import os\n", 'import os\nURL = os.environ["URL"]\n', 2, "new URL"),
        ("a.py", "", 'import os\nx = os.getenv("DEBUG", "")\n', 2, "new DEBUG"),
        ("a.ts", "const x = process.env.OLD;\n", "const x = 1;\n", 1, "gone OLD"),
        ("a.ts", "", "const x = import.meta.env.VITE_URL;\n", 1, "new VITE_URL"),
        ("a.go", "package a\n", 'package a\n\nvar x = os.Getenv("PORT")\n', 3, "new PORT"),
        (".env.example", "A=1\n", "A=1\nB=2\n", 2, "new B"),
        ("docker-compose.yml", "", "services:\n  a:\n    environment:\n      - TOKEN=x\n", 4, "n"),
        ("Dockerfile", "FROM a\n", "FROM a\nENV MODE=x\n", 2, "new MODE"),
    ],
    "dependencies": [
        ("package.json", '{"dependencies": {}}', '{"dependencies": {"left-pad": "1"}}', 1, "adds"),
        ("pyproject.toml", '[project]\ndependencies = ["a>=1"]\n',
         '[project]\ndependencies = ["a>=2"]\n', 2, "a a>=1 -> a>=2"),
        ("Cargo.toml", RUST, RUST.replace('"2"', '"3"'), 2, "a 2 -> 3)"),
        ("Cargo.toml", RUST, RUST.replace('"y"', '"z"'), 2, "a with other options)"),
        ("requirements-dev.txt", "a==1\n", "a==1\nb==2\n", 2, "b"),
        ("go.mod", "module x\n", "module x\n\nrequire github.com/a/b v1.2.3\n", 3, "github"),
        (
            "uv.lock",
            '[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "x" }\n',
            '[[package]]\nname = "a"\nversion = "2"\nsource = { registry = "x" }\n',
            3,
            "other versions are locked",
        ),
        ("uv.lock", LONG + LOCK, LONG + LOCK.replace('"3"', '"4"'), 60_008, "other versions"),
        ("package-lock.json", NPM, NPM.replace('"sha512-a"', '"sha512-b"'), 7, "other versions"),
        ("sub/poetry.lock", "a = 1\n", "a = 2\n", 1, "other versions are locked"),
        ("Gemfile", "", "gem 'rails'\n", 1, "rails"),
    ],
    "public_interface": [
        ("app.py", ROUTE, ROUTE.replace("/users", "/people"), 1, "route get /users is gone"),
        ("shop/__init__.py", '__all__ = ["a", "b"]\n', '__all__ = ["a"]\n', 1, "b is gone"),
        ("src/index.ts", "export { a, b } from './a';\n", "export { a } from './a';\n", 1, "b is"),
        ("api.proto", "message A {\n  int32 a = 1;\n}\n", "message A {\n}\n", 2, "int32 a = 1;"),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("  name: String\n", ""), 4, "Query.name is gone"),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("a: Int!", "a: Int"), 9, "In.a has another shape"),
        ("a.graphql", GRAPHQL, GRAPHQL.replace(", NAME", ""), 7, "Key.NAME is gone"),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("| Key ", ""), 8, "Any Key is gone"),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("& B ", ""), 1, "Query B is gone"),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("[Key!]!", "Key"), 3, "Query.users(by) has an"),
        ("openapi.yaml", OPENAPI, OPENAPI.replace("name: first", "name: last"), 9,
         "paths./users.get.parameters.first.name is gone"),
        ("openapi.yaml", OPENAPI, OPENAPI.replace("title: {type: string", "title: {type: number"),
         16, "components.schemas.User.properties.title.type has another sh"),
        ("a.go", "package a\n\nfunc F(x int) {}\n", "package a\n\nfunc F(y int) {}\n", 3, "F has"),
        ("package.json", '{"main": "a.js"}', '{"main": "b.js"}', 1, "main changes"),
    ],
}  # fmt: skip
CRATE = '[[package]]\nname = "a"\nversion = "1"\nsource = "registry"\n'
DOCUMENTED = '''def stream():
    """Stream.

        @app.get("/stream")
        def view(): ...
    """
'''
NOT_OF_KIND = {
    "database_schema": [
        ("queries.sql", "", "SELECT * FROM users;\n"),
        ("a.py", "", "# ALTER TABLE users is for later\n"),
        ("grid.py", "", "from rich.table import Column\nx = Column()\n"),
        ("a.py", "", "text = 'create a table of contents'\n"),
        ("a.py", "", 'def f():\n    """Runs\n    ALTER TABLE users first.\n    """\n'),
        ("tests/test_a.py", "", 'SQL = "CREATE TABLE users (id int)"\n'),
        ("docs/a.py", "", 'SQL = "CREATE TABLE users (id int)"\n'),
    ],
    "security_config": [
        ("a.py", "", "verify = True\nauthor = 'me'\n"),
        ("a.go", "c = x{MinVersion: tls.V12} // a\n", "c = x{MinVersion: tls.V12} // b\n"),
        ("a.py", "app.use(cors())\n", "if x:\n    app.use(cors())\n"),  # moved
        ("a.ts", "", "// helmet() comes later\n"),
        ("values.yaml", "", "kind: Deployment\n"),
    ],
    "ci_pipeline": [
        ("config.yml", "", "jobs:\n  - name: nightly\n"),
        (".github/workflows/ci.yml", WORKFLOW, f"# why\n{WORKFLOW}"),
        (".github/CODEOWNERS", "", "* @me\n"),
    ],
    "environment_variables": [
        ("a.py", 'x = os.environ["A"]\n', 'y = os.environ["A"] or 1\n'),
        ("a.py", "", "environment = load()\n"),
        ("a.py", "", '"""Read.\n\nx = os.environ["EXAMPLE"]\n"""\n'),
        ("a.ts", "", "const x = process.env.NODE_ENV;\n"),
        ("a.ts", "", "// process.env.LATER\n"),
        ("config.yml", "", "TOKEN: x\n"),
    ],
    "dependencies": [
        (
            "uv.lock",
            LOCK.replace("VERSION", "1"),
            LOCK.replace("VERSION", "2"),
        ),
        ("uv.lock", LONG + LOCK, LONG + LOCK.replace("VERSION", "2")),
        ("package-lock.json", NPM, NPM.replace('"9.0.0"', '"9.1.0"')),  # of the project's folders
        ("package-lock.json", NPM, NPM.replace('"libc": ["musl"], ', "")),
        (
            "Cargo.lock",
            '[[package]]\nname = "mine"\nversion = "1.0.0"\n' + CRATE,
            '[[package]]\nname = "mine"\nversion = "1.0.1"\n' + CRATE,
        ),
        (
            "package-lock.json",
            '{"version": "1", "packages": {"node_modules/a": {"version": "3"}}}',
            '{"version": "2", "packages": {"node_modules/a": {"version": "3"}}}',
        ),
        ("package.json", '{"version": "1"}', '{"version": "2", "scripts": {"a": "b"}}'),
        ("pyproject.toml", "", "[tool.ruff]\nline-length = 100\n"),
        ("requirements.txt", "a==1\n", "# why\na==1\n"),
        ("Cargo.toml", RUST, '[dependencies]\na = { features = ["x", "y"], version = "2" }\n'),
        ("go.mod", "module x\n", "module x\n\ngo 1.22\n"),
    ],
    "public_interface": [
        ("helpers.py", DOCUMENTED, DOCUMENTED.replace("/stream", "/other")),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("Users.", "All users.").replace(' @dep', "# @dep")),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("String", "String @x(a: {b: [1]})\n  new: Int")),
        ("a.graphql", GRAPHQL, GRAPHQL.replace("ID, NAME", "NEW, NAME, ID") + "scalar Date\n"),
        ("openapi.yaml", OPENAPI, OPENAPI.replace("Users", "People").replace('"1"', '"2"')),
        ("openapi.yaml", OPENAPI, OPENAPI.replace("deprecated: false", "deprecated: true")),
        ("openapi.yaml", OPENAPI, OPENAPI.replace("His title", "Dr.").replace("fine", "good")),
        ("a.proto", PROTO, PROTO.replace("= 1;  // first", "= 1 [deprecated = true];")),
        ("a.proto", PROTO, PROTO.replace("}", "  int32 b = 2;\n}").replace("first", "one")),
        ("app.py", "", ROUTE),
        ("app.py", ROUTE, f"import x\n\n{ROUTE.replace('[]', '[1]')}"),
        ("shop/__init__.py", '__all__ = ["a"]\n', '__all__ = ["a", "b"]\n'),
        ("internal/a.go", "package a\n\nfunc F(x int) {}\n", "package a\n"),
        ("a.go", "package a\n\nfunc f(x int) {}\n", "package a\n"),
        ("package.json", '{"main": "a.js"}', '{"main": "a.js", "private": true}'),
    ],
}  # fmt: skip


def kinds_of(project, path: str, before: str, after: str) -> tuple[list[str], list[str]]:
    if before:
        project.commit({path: before})
    result = governance.check(project.change({path: after}))
    reasons = [one for one in result.details["reasons"] if one.split(" (")[0] in KINDS]
    assert not reasons or result.status is GateStatus.NEEDS_USER
    return result.details["change_types"], reasons


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("kind", "path", "before", "after", "line", "what"),
    [(kind, *row) for kind, rows in OF_KIND.items() for row in rows],
)
def test_a_change_of_the_kind_needs_a_person_who_is_given_the_line(
    project, kind, path, before, after, line, what
):
    kinds, reasons = kinds_of(project, path, before, after)

    assert kind in kinds
    assert any(one.startswith(f"{kind} ({path}:{line}: {what}") for one in reasons), reasons


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("kind", "path", "before", "after"),
    [(kind, *row) for kind, rows in NOT_OF_KIND.items() for row in rows],
)
def test_what_only_looks_like_the_kind_is_left_alone(project, kind, path, before, after):
    assert kind not in kinds_of(project, path, before, after)[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.graphql", "type A { " + "a(" * 5_000),
        ("a.graphql", 'type A { a: "unfinished'),
        ("openapi.json", "[" * 20_000),
        ("openapi.json", '{"a":' * 900 + "1" + "}" * 900),
        ("openapi.yaml", "a: &a [1]\nb: [*a, *a]\n"),
        ("openapi.yaml", "a: [\n"),
    ],
)
def test_a_contract_that_cannot_be_read_is_compared_line_by_line(project, path, text):
    project.commit({path: f"{text}\nOLD"})

    result = governance.check(project.change({path: f"{text}\nNEW"}))

    assert "public_interface" in result.details["change_types"]


def test_a_variable_that_moves_to_another_file_is_not_new(project):
    read = 'import os\nx = os.environ["A"]\n'
    project.commit({"a.py": read})

    result = governance.check(project.change({"a.py": "", "b.py": read}))

    assert "environment_variables" not in result.details["change_types"]


def test_the_settings_choose_the_kinds(project, with_settings):
    with_settings(governance={"change_types": ("ci_pipeline",)})

    assert kinds_of(project, "db/init.sql", "", "CREATE TABLE users (id int);\n") == ([], [])


def test_every_kind_is_on_and_has_examples():
    assert set(Governance().change_types) == set(KINDS) == set(OF_KIND) == set(NOT_OF_KIND)
