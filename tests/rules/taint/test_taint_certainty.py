"""A finding is red only where the harm is shown to be reached."""

import pytest

from reviewloop.analysis.contract import SourceFile, Tree
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.analysis.rule_book import file_checks
from reviewloop.domain.finding import Severity

_FLASK = """import flask
app = flask.Flask(__name__)


@app.route("/{part}")
def show(name):
    return flask.send_file(f"shown/{{name}}")
"""
_GO = """package p

func h(loose bool) *tls.Config {{
	c := &tls.Config{{}}
	{code}
	return c
}}
"""
_CLEANED = """import flask
app = flask.Flask(__name__)


@app.route("/")
def show():
    {name} = "".join(c for c in flask.request.args["n"])
    return open("/data/" + {name}).read()
"""
_THROUGH = """import flask
app = flask.Flask(__name__)


def {name}(text):
    return text.strip()


@app.route("/")
def show():
    return open("/data/" + {name}(flask.request.args["n"])).read()
"""
_DECLARED = """import fastapi, requests
app = fastapi.FastAPI()


@app.get("/shown")
def show(name: str):
    return open("/data/" + name).read(), requests.get(name)
"""
_BACK = """import flask
app = flask.Flask(__name__)


@app.route("/")
def show():
    return flask.redirect(flask.request.headers["{header}"])
"""
_SHOWN = """import flask
app = flask.Flask(__name__)


@app.route("/")
def show():
    return "<base href=" + flask.request.headers["{header}"] + ">"
"""
_CALLED = """import flask, sqlite3
app = flask.Flask(__name__)


def read(name):
    return open("/data/" + name).read()


def find(name):
    return sqlite3.connect("a").execute(f"SELECT * FROM a WHERE b = '{name}'")


@app.route("/")
def show():
    return read(flask.request.args["n"]), find(flask.request.args["n"])
"""
_CALLED_JS = """
const find = (db, name) => db.query(`SELECT * FROM a WHERE b = '${name}'`);
app.get('/', async (req, res) => res.json(await find(pool, req.query.n)));
"""
_CALLED_GO = """package p

import (
	"database/sql"
	"net/http"
	"os/exec"
)

func find(db *sql.DB, name string) { db.Query("SELECT * FROM a WHERE b = '" + name + "'") }

func two(db *sql.DB, query string) { db.QueryContext(ctx, query) }

func run(name string) { exec.Command("sh", "-c", "ls "+name).Run() }

func h(w http.ResponseWriter, r *http.Request) {
	find(db, r.FormValue("n"))
	run(r.FormValue("n"))
}
"""
_GO_RULES = {"go/sql-injection", "go/command-injection"}
_UPDATED = """import flask
app = flask.Flask(__name__)


@app.route("/")
def show(store):
    shown = {made}
    shown.update(flask.request.form)
    return open({read}).read()
"""
_VIEW = """import os
from django.views import View


class Backup(View):
    def delete(self, request, name):
        os.remove("/backups/" + {read})
"""
_SET = """import flask
app = flask.Flask(__name__)


@app.route("/")
def show(store):
    shown = store.load()
    shown["name"] = flask.request.form["name"]
    return open({read}).read()
"""
_OPENED = """import flask
from PIL import Image
app = flask.Flask(__name__)


@app.route("/")
def show():
    return {call}("/data/" + flask.request.args["n"])
"""
_FETCH = """package p

import (
	"net"
	"net/http"
)

func h(w http.ResponseWriter, r *http.Request) {{
	{dialer}
	http.Get(r.FormValue("url"))
}}
"""
_SOCKET = """services:
  a:
    image: {image}
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock:ro
  b:
    image: portainer/portainer
"""
_CONFLICT = f"{'<' * 7} HEAD\na\n{'=' * 7}\nb\n{'>' * 7} topic\n"
_BUNDLED = f"const a = '{'x;' * 15_000}\u202e';"
_JS = "function f(o) { const c = {}; CODE return c; }\n"


def severities(path: str, text: str) -> dict[str, Severity]:
    """Return {rule: severity} of what the checks of files say about a new file."""
    purpose = path_class(path)
    file = SourceFile(path, text, ((1, 99),), language_of(path, text), purpose, status="A")
    return {
        hit.rule: hit.severity or next(r for r in check.rules if r.id == hit.rule).severity
        for check in file_checks()
        if check.understands(file)
        for hit in check.run(file)
    }


@pytest.mark.parametrize(
    ("path", "text", "rule", "severity"),
    [
        # Functions on the way may look at a path, and who fills a parameter at an address.
        ("app.py", _DECLARED, "taint/path-traversal", Severity.MUST_FIX),
        ("app.py", _DECLARED, "taint/ssrf", Severity.SHOULD_FIX),
        ("app.py", _BACK.format(header="Referer"), "taint/open-redirect", Severity.SHOULD_FIX),
        ("app.py", _BACK.format(header="X-Next"), "taint/open-redirect", Severity.MUST_FIX),
        ("app.py", _SHOWN.format(header="X-Prefix"), "taint/xss", Severity.SHOULD_FIX),
        ("app.py", _SHOWN.format(header="Referer"), "taint/xss", Severity.MUST_FIX),
        ("app.py", _CALLED, "taint/path-traversal", Severity.SHOULD_FIX),
        (
            "app.py",
            _CALLED.replace("read(flask", "open(flask"),
            "taint/path-traversal",
            Severity.MUST_FIX,
        ),
        ("app.py", _CALLED, "taint/sql-injection", Severity.MUST_FIX),
        ("v.py", _FLASK.format(part="<path:name>"), "taint/path-traversal", Severity.MUST_FIX),
        ("v.py", _FLASK.format(part="<name>"), "taint/path-traversal", Severity.SHOULD_FIX),
        ("v.py", _VIEW.format(read="name"), "taint/path-traversal", Severity.SHOULD_FIX),
        (
            "v.py",
            _VIEW.format(read="request.GET['name']"),
            "taint/path-traversal",
            Severity.MUST_FIX,
        ),
        ("v.py", _SET.format(read="shown.folder"), "taint/path-traversal", Severity.SHOULD_FIX),
        ("v.py", _SET.format(read="shown['name']"), "taint/path-traversal", Severity.MUST_FIX),
        (
            "a.go",
            _GO.format(code="c.InsecureSkipVerify = true"),
            "go/certificates-not-checked",
            Severity.MUST_FIX,
        ),
        (
            "cmd/healthcheck.go",
            _GO.format(code="c.InsecureSkipVerify = true"),
            "go/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "scripts/quick-load-test.js",
            _JS.replace("CODE", "c.tls = { rejectUnauthorized: false };"),
            "js/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "scripts/contests.js",
            _JS.replace("CODE", "c.tls = { rejectUnauthorized: false };"),
            "js/certificates-not-checked",
            Severity.MUST_FIX,
        ),
        (
            "a.go",
            _GO.format(code="if !o.SkipVerify {\n\t\treturn\n\t}\n\tc.InsecureSkipVerify = true"),
            "go/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.go",
            _GO.format(code="if o.Loud {\n\t\treturn\n\t}\n\tc.InsecureSkipVerify = true"),
            "go/certificates-not-checked",
            Severity.MUST_FIX,
        ),
        (
            "config.yaml",
            "clients:\n  - id: shop\n    secret: ZXhhbXBsZS1hcHAtc2VjcmV0\n",
            "secret/generic-api-key",
            Severity.SHOULD_FIX,
        ),
        (
            "config.yaml",
            "clients:\n  - id: shop\n    secret: cTdXMm1aOXYwS3hCNHRSNnBOOGpM\n",
            "secret/generic-api-key",
            Severity.MUST_FIX,
        ),
        (
            "tests/conflicts/bad.txt",
            _CONFLICT,
            "diff/conflict-marker",
            Severity.NIT,
        ),
        ("tests/test_shop.txt", _CONFLICT, "diff/conflict-marker", Severity.MUST_FIX),
        ("dist/main-CA4_OjGq.js", f"{_BUNDLED}\n", "diff/bidi-control", Severity.SHOULD_FIX),
        ("shop/main.js", "a = '\u202e';\n", "diff/bidi-control", Severity.MUST_FIX),
        (
            "compose.yml",
            "services:\n  a:\n    image: gcr.io/cadvisor/cadvisor:v1\n    privileged: true\n",
            "k8s/privileged",
            Severity.SHOULD_FIX,
        ),
        (
            "compose.yml",
            "services:\n  a:\n    image: shop:v1\n    privileged: true\n",
            "k8s/privileged",
            Severity.MUST_FIX,
        ),
        (
            "a.go",
            _GO.format(code="if loose { c.InsecureSkipVerify = true }"),
            "go/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.js",
            _JS.replace("CODE", "c.tls = { rejectUnauthorized: false };"),
            "js/certificates-not-checked",
            Severity.MUST_FIX,
        ),
        (
            "a.js",
            _JS.replace("CODE", "if (o.loose) { c.tls = { rejectUnauthorized: false }; }"),
            "js/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.go",
            "package p\n\nvar insecureClient = &tls.Config{InsecureSkipVerify: true}\n",
            "go/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.go",
            "package p\n\nfunc Insecure() any { return &tls.Config{InsecureSkipVerify: true} }\n",
            "go/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.js",
            _JS.replace(
                "CODE",
                "c.network = { nick: '', name: '', password: '', away: '', user: '',"
                " rejectUnauthorized: false };",
            ),
            "js/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "a.js",
            _JS.replace("CODE", "c.tls = o.own ? { rejectUnauthorized: false } : undefined;"),
            "js/certificates-not-checked",
            Severity.SHOULD_FIX,
        ),
        (
            "compose.yml",
            _SOCKET.format(image="app:1"),
            "k8s/daemon-socket",
            Severity.MUST_FIX,
        ),
        (
            "compose.yml",
            _SOCKET.format(image="traefik:v3.5.0"),
            "k8s/daemon-socket",
            Severity.SHOULD_FIX,
        ),
        (
            "db.yaml",
            "apiVersion: v1\nkind: Secret\nstringData:\n  password: postgres\n",
            "k8s/literal-secret",
            Severity.SHOULD_FIX,
        ),
        (
            "a.js",
            "addEventListener('message', (e) => {\n  request = JSON.parse(e.data);\n"
            "  parent.postMessage(new Function(request.params.code)());\n});\n",
            "js/eval",
            Severity.SHOULD_FIX,
        ),
        (
            "a.js",
            "exports.a = async (req, res) => { await fetch(req.query.url); };\n",
            "js/request-to-any-host",
            Severity.MUST_FIX,
        ),
        (
            "a.js",
            "exports.a = async (req, res) => { await fetch(new URL('/b', req.url)); };\n",
            "js/request-to-any-host",
            Severity.SHOULD_FIX,
        ),
        (
            "compose.yml",
            _SOCKET.format(image="gitlab/gitlab-runner:latest"),
            "k8s/daemon-socket",
            Severity.SHOULD_FIX,
        ),
        (
            "compose.yml",
            _SOCKET.format(image="docker.io/shop/agents:1"),
            "k8s/daemon-socket",
            Severity.MUST_FIX,
        ),
        (
            "compose.yml",
            _SOCKET.format(image="nginxproxy/acme-companion"),
            "k8s/daemon-socket",
            Severity.SHOULD_FIX,
        ),
        (
            "a.spec.ts",
            "it('a', () => {\n  expect(b);\n  expect(b.c).toBe(1);\n});\n",
            "js/expect-without-matcher",
            Severity.SHOULD_FIX,
        ),
        (
            "a.spec.ts",
            "it('a', () => {\n  expect(b, 'object');\n  expect(b).toBe(1);\n});\n",
            "js/expect-without-matcher",
            Severity.MUST_FIX,
        ),
        (
            "a.py",
            'import jwt\nown = jwt.decode(t, options={"verify_signature": False})\n',
            "py/jwt-unverified",
            Severity.MUST_FIX,
        ),
        (
            "a.py",
            'import jwt\nown = jwt.decode(t, options={"verify_signature": False})\n'
            "def load(t):\n    return jwt_manager.decode(t)\n",
            "py/jwt-unverified",
            Severity.NIT,
        ),
        (
            "a.test.js",
            "test('a', () => { expect(assertChosen(1)); });\n",
            "js/expect-without-matcher",
            Severity.NIT,
        ),
        (
            "a.test.js",
            "test('a', () => { expect(chosen(1)); });\n",
            "js/expect-without-matcher",
            Severity.MUST_FIX,
        ),
        (
            "a.test.js",
            "test('a', () => { expect(getByRole('link')); });\n",
            "js/expect-without-matcher",
            Severity.NIT,
        ),
        (
            "a.go",
            _GO.format(code="if loose { c.key = ssh.InsecureIgnoreHostKey() }"),
            "go/any-host-key",
            Severity.SHOULD_FIX,
        ),
        (
            "a.go",
            _GO.format(code="c.key = ssh.InsecureIgnoreHostKey()"),
            "go/any-host-key",
            Severity.MUST_FIX,
        ),
        ("a.js", "if (typeof a === 'array') b();\n", "js/no-such-type", Severity.MUST_FIX),
        ("v.py", _CLEANED.format(name="shown"), "taint/path-traversal", Severity.MUST_FIX),
        ("v.py", _CLEANED.format(name="sanitized"), "taint/path-traversal", Severity.SHOULD_FIX),
        ("v.py", _THROUGH.format(name="shorten"), "taint/path-traversal", Severity.MUST_FIX),
        ("v.py", _THROUGH.format(name="safe_part"), "taint/path-traversal", Severity.SHOULD_FIX),
        ("v.go", _FETCH.format(dialer=""), "go/request-to-any-host", Severity.MUST_FIX),
        (
            "v.go",
            _FETCH.format(dialer="d := net.Dialer{}\n\td.Control = func(n, a string) {}\n"),
            "go/request-to-any-host",
            Severity.SHOULD_FIX,
        ),
        (
            "v.py",
            _UPDATED.format(made="store.watch()", read="shown.folder"),
            "taint/path-traversal",
            Severity.SHOULD_FIX,
        ),
        (
            "v.py",
            _UPDATED.format(made="store.watch()", read='shown["folder"]'),
            "taint/path-traversal",
            Severity.MUST_FIX,
        ),
        (
            "v.py",
            _UPDATED.format(made="{}", read='shown["folder"]'),
            "taint/path-traversal",
            Severity.MUST_FIX,
        ),
        ("v.py", _OPENED.format(call="open"), "taint/path-traversal", Severity.MUST_FIX),
        ("v.py", _OPENED.format(call="Image.open"), "taint/path-traversal", Severity.SHOULD_FIX),
    ],
)
def test_a_finding_is_red_only_where_the_harm_is_shown(path, text, rule, severity):
    assert severities(path, text)[rule] is severity


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        (
            "v.py",
            """import flask, re
app = flask.Flask(__name__)


def target(address, other):
    if not address or not re.match(r"^/[a-z]+", address):
        return other
    return address


@app.route("/")
def go():
    return flask.redirect(target(flask.request.args["next"], "/"))
""",
            "taint/open-redirect",
        ),
        (
            "v.go",
            """package p

import (
	"fmt"
	"net/http"
)

func h(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "<a href=https://"+r.Host+"/>")
}
""",
            "go/reflected-html",
        ),
        (
            "a.go",
            _GO.format(
                code="c = &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: verify}"
            ),
            "go/certificates-not-checked",
        ),
        (
            "a.go",
            _GO.format(code="c.InsecureSkipVerify = true; c.VerifyConnection = verify"),
            "go/certificates-not-checked",
        ),
        (
            "a.go",
            _GO.format(code="c.o = &websocket.AcceptOptions{InsecureSkipVerify: true}"),
            "go/certificates-not-checked",
        ),
        ("a.js", "throw new TypeError(typeof a + ' is not iterable');\n", "js/no-such-type"),
        ("Dockerfile", "FROM a:1\nWORKDIR /app\nCOPY a.json b.json /app\n", "docker/many-into-one"),
        (
            "q.go",
            """package p

const columns = "id, name"

func deletePlaceholder(n int) string { return "$1" }

func list(db *sql.DB, find Find, ids []int) error {
	where, args := []string{"1 = 1"}, []any{}
	if find.Name != "" {
		where, args = append(where, "`name` = ?"), append(args, find.Name)
	}
	query := "SELECT " + columns + " FROM t WHERE " + strings.Join(where, " AND ")
	db.Query(query, args...)
	for _, table := range []string{"a", "b"} {
		db.Exec(fmt.Sprintf("DELETE FROM %s WHERE site = %d", table, find.Site))
	}
	db.Exec("DELETE FROM t WHERE id = " + deletePlaceholder(1), ids[0])
	return nil
}
""",
            "go/sql-injection",
        ),
    ],
)
def test_what_cannot_do_harm_is_not_told(path, text, rule):
    assert rule not in severities(path, text)


@pytest.mark.parametrize(
    ("path", "text", "rules"),
    [
        ("app.js", _CALLED_JS, {"js/sql-injection"}),
        ("app.go", _CALLED_GO, _GO_RULES),
        ("app.go", _CALLED_GO.replace("\tfind(db", "\ttwo(db"), _GO_RULES),
    ],
)
def test_what_a_client_sends_is_red_behind_a_function_too(path, text, rules):
    file = SourceFile(path, text, ((1, 99),), language_of(path, text), status="A")
    across = [check for check in file_checks() if check.across and check.understands(file)]
    hits = [hit for check in across for hit in check.run(file)]

    assert {hit.rule for hit in hits if hit.severity is Severity.MUST_FIX} == rules


def test_a_query_with_a_value_of_the_caller_is_told():
    text = (
        'package p\n\nfunc f(db *sql.DB, name string) {\n\tdb.Query("SELECT a FROM " + name)\n}\n'
    )

    assert severities("q.go", text)["go/sql-injection"] is Severity.SHOULD_FIX


def test_the_request_as_a_whole_is_not_red_in_another_file():
    texts = {
        "shop/views.py": (
            "from django.shortcuts import redirect\n\nfrom shop.hosts import build\n\n\n"
            "class Canonical:\n    def dispatch(self, request):\n"
            '        return redirect(build("/x", request=request))\n'
        ),
        "shop/hosts.py": (
            'def build(path="", request=None):\n    return request.site_address + path\n'
        ),
    }
    files = [
        SourceFile(path, text, ((1, 99),), "python", status="A") for path, text in texts.items()
    ]
    tree = Tree(texts.get, lambda: frozenset(texts))
    [check] = [one for one in file_checks() if one.name == "python-taint"]
    assert check.across is not None
    run = check.across(tree, files)

    assert [hit.severity for hit in run(files[0])] == [Severity.SHOULD_FIX]
