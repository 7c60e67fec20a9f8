"""A query behind a function of the project is told where the function is called in a loop."""

import pytest

from reviewloop.analysis.contract import Hit, SourceFile, Tree
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.analysis.rule_book import file_checks
from reviewloop.domain.finding import Severity


def hits(**files: str) -> list[Hit]:
    """Return what is told of files, each named `store_py` for `store.py`."""
    texts = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    sources = [
        SourceFile(path, text, ((1, 99),), language_of(path, text), path_class(path), status="A")
        for path, text in texts.items()
    ]
    tree = Tree(texts.get, lambda: frozenset(texts))
    found = []
    for check in file_checks():
        mine = [source for source in sources if check.understands(source)]
        if check.across is not None:
            run = check.across(tree, mine)
            found += [hit for source in mine for hit in run(source)]
    return [hit for hit in found if hit.rule.endswith("/query-behind-call")]


STORE = """class Users:
    def __init__(self, conn):
        self.conn = conn

    def by_id(self, one):
        return self.conn.execute("SELECT * FROM users WHERE id = ?", (one,)).fetchone()

    def rename(self, one, name):
        self.conn.execute("UPDATE users SET name = ? WHERE id = ?", (name, one))
"""
LOOP = """from store import Users


def names(conn, ids):
    users = Users(conn)
    found = []
    {body}
    return found
"""


def test_the_query_is_named_with_its_place_in_another_file():
    body = "for one in ids:\n        found.append(users.by_id(one))"
    (hit,) = hits(store_py=STORE, app_py=LOOP.format(body=body))

    assert (hit.path, hit.span.line, hit.severity) == ("app.py", 8, Severity.SHOULD_FIX)
    assert hit.message == (
        "`by_id()` queries the database (store.py:6), once for every element here."
    )
    assert [(one.path, one.span.line, one.message) for one in hit.elsewhere] == [
        ("store.py", 6, "the query")
    ]


def test_a_query_two_calls_away_names_the_calls_on_the_way():
    between = (
        "from store import Users\n\n\ndef shown(conn, one):\n    return Users(conn).by_id(one)\n"
    )
    code = (
        "from between import shown\n\n\n"
        "def names(conn, ids):\n    return [shown(conn, one) for one in ids]\n"
    )
    (hit,) = hits(store_py=STORE, between_py=between, app_py=code)

    assert (hit.path, hit.span.line) == ("app.py", 5)
    assert [(one.path, one.message) for one in hit.elsewhere] == [
        ("store.py", "the query"),
        ("between.py", "a call on the way"),
    ]


def test_a_function_is_looked_up_whatever_it_is_given():
    store = "def run(sql, one):\n    return conn.execute(sql, one).fetchall()\n"
    code = "from store import run\n\nfor row in load():\n    show(run('SELECT 1', row['id']))\n"
    (hit,) = hits(store_py=store, app_py=code)

    assert (hit.path, hit.span.line) == ("app.py", 4)


def test_what_is_written_for_every_element_is_a_nit():
    body = "for one in ids:\n        users.rename(one, 'a')"
    (hit,) = hits(store_py=STORE, app_py=LOOP.format(body=body))

    assert hit.severity is Severity.NIT


@pytest.mark.parametrize(
    "body",
    [
        "found.append(users.by_id(ids[0]))",
        "for one in ('a', 'b'):\n        found.append(users.by_id(one))",
        "while not found:\n        found.append(users.by_id(ids.pop()))",
        "for one in ids:\n        if users.by_id(one):\n            break",
        "for batch in in_batches(ids):\n        found.append(users.by_id(batch))",
        "def later():\n        return users.by_id(0)\n    for one in ids:\n        found += one",
    ],
)
def test_a_call_that_is_not_made_for_every_element_is_no_matter(body: str):
    assert hits(store_py=STORE, app_py=LOOP.format(body=body)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    def by_id", "    @lru_cache\n    def by_id"),
        (
            "        return self",
            "        if one in self._cache:\n            return one\n        return self",
        ),
        ("self.conn.execute", "self.rows.find"),
    ],
)
def test_a_function_that_remembers_or_asks_nobody_is_no_matter(old: str, new: str):
    body = "for one in ids:\n        found.append(users.by_id(one))"
    assert hits(store_py=STORE.replace(old, new, 1), app_py=LOOP.format(body=body)) == []


REPOSITORY = """import { Pool } from "pg";
export class Users {
  constructor(private readonly pool: Pool) {}
  async byId(id: string) {
    return (await this.pool.query("SELECT * FROM users WHERE id = $1", [id])).rows[0];
  }
}
"""
SERVICE = """import {{ Users }} from "./users";
export class Service {{
  constructor(private readonly users: Users) {{}}
  async names(ids: string[]) {{
    {body}
  }}
}}
"""


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("for (const id of ids) { found.push(await this.users.byId(id)); }", True),
        ("return Promise.all(ids.map((id) => this.users.byId(id)));", True),
        ("ids.forEach(async (id) => { await this.users.byId(id); });", True),
        ("return this.users.byId(ids[0]);", False),
        ("for (const id of ids) { const u = await this.users.byId(id); if (u) return u; }", False),
        ("return this.users.byId(ids[0]).then((user) => user.name);", False),
    ],
)
def test_repositories_of_typescript_are_followed(body: str, told: bool):
    assert bool(hits(users_ts=REPOSITORY, service_ts=SERVICE.format(body=body))) is told


def test_a_store_of_another_package_of_go_is_followed():
    store = (
        'package store\n\nimport "database/sql"\n\ntype Store struct{ db *sql.DB }\n\n'
        "func (s *Store) User(id int) (string, error) {\n"
        '\trow := s.db.QueryRow("SELECT name FROM users WHERE id = $1", id)\n'
        "\tvar name string\n\treturn name, row.Scan(&name)\n}\n"
    )
    api = (
        'package api\n\nimport "example.com/shop/store"\n\n'
        "type Server struct{ store *store.Store }\n\n"
        "func (s *Server) Names(ids []int) ([]string, error) {\n\tvar names []string\n"
        "\tfor _, id := range ids {\n\t\tname, err := s.store.User(id)\n"
        "\t\tif err != nil {\n\t\t\treturn nil, err\n\t\t}\n\t\tnames = append(names, name)\n\t}\n"
        "\treturn names, nil\n}\n"
    )
    files = {"go_mod": "module example.com/shop\n", "store__store_go": store, "api__api_go": api}
    (hit,) = hits(**files)

    assert (hit.rule, hit.path, hit.span.line) == ("go/query-behind-call", "api/api.go", 10)
