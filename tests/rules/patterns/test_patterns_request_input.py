"""What JavaScript and Go patterns take for a client's input, and what cleans it."""

import pytest

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.rule_book import file_checks

PACKAGES = ("os", "os/exec", "path/filepath", "fmt", "io", "html", "html/template", "strings")


def javascript(code: str) -> dict[str, str]:
    return _found(SourceFile("app.js", code, ((1, 99),), language="javascript"))


def go(body: str) -> dict[str, str]:
    used = [path for path in PACKAGES if f"{path.rpartition('/')[2]}." in body]
    imports = "".join(f'import "{path}"\n' for path in ("net/http", *used))
    head = f"package p\n{imports}\nfunc h(w http.ResponseWriter, r *http.Request)"
    return _found(SourceFile("app.go", f"{head} {{\n{body}\n}}\n", ((1, 99),), language="go"))


def _found(file: SourceFile) -> dict[str, str]:
    checks = file_checks()
    known = {rule.id: rule for check in checks for rule in check.rules}
    hits = [hit for check in checks if check.understands(file) for hit in check.run(file)]
    return {hit.rule: (hit.severity or known[hit.rule].severity).value for hit in hits}


@pytest.mark.parametrize(
    "body",
    [
        "fs.readFile(req.query.name)",
        "const n = req.params.n; fs.readFile(n)",
        "const { n } = req.body; fs.readFile(n)",
        "const { a: { n } } = req.body; fs.readFile(n)",
        "let n = 'a'; n = req.query['n']; fs.readFile(n)",
        "const n = req.get('x-name'); fs.readFile(`${ROOT}/${n}`)",
        "const n = req.query.n || 'a'; fs.readFile('x/' + n.trim())",
        "const n = req.query.n; wait(() => { fs.readFile(n); })",
        "const n = path.join(ROOT, req.query.n); fs.readFile(n)",
        "const n = decodeURIComponent(req.url); fs.readFile(n)",
    ],
)
def test_javascript_follows_input_to_the_sink(body: str):
    assert "js/path-traversal" in javascript(f"app.get('/', (req, res) => {{ {body} }});")


@pytest.mark.parametrize(
    "body",
    [
        "fs.readFile(name)",
        "const n = Number(req.query.n); fs.readFile(`a/${n}`)",
        "const n = NAMES[req.query.n.length]; fs.readFile(n)",
        "const n = lookup(req.query.n); fs.readFile(n)",
        "let n = req.query.n; n = 'a'; fs.readFile(n)",
        "const n = req.query.n === 'a' ? 'b' : 'c'; fs.readFile(n)",
        "const p = path.join(R, req.query.n); if (!p.startsWith(R)) return; fs.readFile(p)",
        "fs.readFile(path.basename(req.query.n))",
    ],
)
def test_javascript_lets_go_of_what_is_checked_or_converted(body: str):
    assert "js/path-traversal" not in javascript(f"app.get('/', (req, res) => {{ {body} }});")


def test_a_name_in_another_function_is_another_name():
    code = "function a(req) { const n = req.query.n; }\nfunction b(n) { fs.readFile(n); }"
    assert javascript(code) == {}


def test_destructured_parameters_of_a_handler_are_input():
    code = "app.get('/', ({ query }, res) => res.sendFile(query.name));"
    assert "js/path-traversal" in javascript(code)


def test_input_makes_a_query_red_and_other_text_yellow():
    query = "db.query('SELECT * FROM t WHERE id = ' + %s)"
    handler = "app.get('/', (req, res) => { %s; });"
    assert javascript(query % "id") == {"js/sql-injection": "should_fix"}
    assert javascript(handler % (query % "req.query.id")) == {"js/sql-injection": "must_fix"}


_LISTS = """import { z } from "zod";
const ALLOWED = ["name", "total"], SAFE = new Set(ALLOWED), NAME = /^[a-z_]+$/, ANY = /^.+$/;
const COLUMNS = { name: "t.name", total: "t.total" };
const Sort = z.enum(["name", "total"]), Text = z.string();
const Query = z.object({ sort: Sort, limit: z.coerce.number(), dir: z.enum(["a"]), text: Text });
"""


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("if (!ALLOWED.includes(s)) return;", "s"),
        ("if (!SAFE.has(s)) { res.status(400).end(); return; }", "s"),
        ("if (s !== 'a' && s !== 'b') throw new Error('bad');", "s"),
        ("if (!s || !ALLOWED.includes(s)) return;", "s"),
        ("if (ALLOWED.indexOf(s) === -1) return;", "s"),
        ("if (!(s in COLUMNS)) return;", "s"),
        ("if (!Object.hasOwn(COLUMNS, s)) return;", "s"),
        ("if (!NAME.test(s)) return;", "s"),
        ("const c = COLUMNS[s] ?? 'name';", "c"),
        ("const c = ALLOWED.find((one) => one === s) || 'name';", "c"),
        ("const c = ALLOWED.includes(s) ? s : 'name';", "c"),
        ("const c = Math.min(parseInt(s, 10), 100);", "c"),
        ("const c = Number(s) || 10;", "c"),
        ("const c = s.split(',').map((_, i) => `$${i + 1}`).join(', ');", "c"),
        ("const c = s.split(',').map(() => '?').join(', ');", "c"),
        ("const c = Sort.parse(s);", "c"),
        ("const { dir, limit } = Query.parse(req.query);", "dir} ${limit"),
        ("const q = Query.safeParse(req.query); if (!q.success) return;", "q.data.dir"),
    ],
)
def test_values_of_a_list_numbers_and_schemas_are_known(body: str, used: str):
    told = javascript(_handled(body, f"db.query(`SELECT * FROM t ORDER BY ${{{used}}}`)"))
    assert "js/sql-injection" not in told
    told = javascript(_handled(body, f"child_process.exec(`sort -k ${{{used}}}`)"))
    assert "js/command-injection" not in told


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("if (ALLOWED.includes(s)) return;", "s"),
        ("if (!ALLOWED.includes(other)) return;", "s"),
        ("if (!ALLOWED.includes(s)) log(s);", "s"),
        ("if (s === 'bad') return;", "s"),
        ("if (!ANY.test(s)) return;", "s"),
        ("if (!req.query.list.includes(s)) return;", "s"),
        ("if (!ALLOWED.includes(s) && other) return;", "s"),
        ("const c = ALLOWED.includes(s) ? 'name' : s;", "c"),
        ("const c = s || 'name';", "c"),
        ("const c = Object.keys(req.body).map((k, i) => `${k} = $${i}`).join(', ');", "c"),
    ],
)
def test_what_only_looks_like_a_list_keeps_a_query_red(body: str, used: str):
    told = javascript(_handled(body, f"db.query(`SELECT * FROM t ORDER BY ${{{used}}}`)"))
    assert told["js/sql-injection"] == "must_fix"


def test_a_schema_beside_which_another_one_stands_lists_nothing():
    body = "const c = z.enum(['a']).or(z.string()).parse(s);"
    told = javascript(_handled(body, "db.query(`SELECT * FROM t ORDER BY ${c}`)"))
    assert told["js/sql-injection"] in {"should_fix", "must_fix"}


def _handled(body: str, sink: str) -> str:
    start = "const s = String(req.query.s);"
    return f"{_LISTS}app.get('/', async (req, res) => {{ {start} {body} {sink}; }});"


def test_the_pages_address_counts_in_pages_only():
    code = "function f() { const q = location.hash; %s; }"
    assert javascript(code % "box.innerHTML = q") == {"js/html-assigned": "must_fix"}
    assert javascript(code % "fetch(q)") == {}


@pytest.mark.parametrize(
    "body",
    [
        'os.ReadFile(r.URL.Query().Get("n"))',
        'n := r.FormValue("n")\nos.Open(n)',
        'p := filepath.Join(root, r.PathValue("n"))\nos.ReadFile(p)',
        'n := mux.Vars(r)["n"]\nos.Remove("a/" + n)',
    ],
)
def test_go_follows_input_to_the_sink(body: str):
    assert go(body).get("go/path-traversal") == "must_fix"


@pytest.mark.parametrize(
    "body",
    [
        "os.ReadFile(name)",
        'n, err := strconv.Atoi(r.FormValue("n"))\nos.ReadFile(names[n])',
        'os.ReadFile(filepath.Base(r.FormValue("n")))',
        'n := r.FormValue("n")\nif !filepath.IsLocal(n) { return }\nos.ReadFile(n)',
        'u := find(r.FormValue("n"))\nos.ReadFile(u.Path)',
    ],
)
def test_go_lets_go_of_what_is_checked_or_converted(body: str):
    assert "go/path-traversal" not in go(body)


_GO_LISTS = """package p

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

var sorts = []string{"name", "total"}
var columns = map[string]string{"name": "t.name"}
var word = regexp.MustCompile(`^[a-z_]+$`)
var any = regexp.MustCompile(`^.+$`)

func columnOf(sort string) string {
	if sort == "total" {
		return "t.total"
	}
	return "t.name"
}

func echoed(sort string) string { return sort }
"""


def _in_handler(body: str, used: str) -> tuple[str | None, str | None]:
    """Return the severities of a query and of a command that a handler makes of a value."""
    found = []
    for rule, sink in (
        ("go/sql-injection", f'db.Query("SELECT * FROM t ORDER BY " + {used})'),
        ("go/command-injection", f'exec.Command("sh", "-c", "sort -k " + {used})'),
    ):
        head = 'func h(w http.ResponseWriter, r *http.Request) {\n\ts := r.FormValue("s")\n'
        code = f"{_GO_LISTS}\n{head}\t{body}\n\t{sink}\n}}\n"
        told = _found(SourceFile("app.go", code, ((1, 99),), language="go"))
        found.append(told.get(rule))
    return found[0], found[1]


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("if !slices.Contains(sorts, s) {\nreturn\n}", "s"),
        ('if !slices.Contains(sorts, s) {\ns = "name"\n}', "s"),
        ('if s != "name" && s != "total" {\nreturn\n}', "s"),
        ("if _, ok := columns[s]; !ok {\nreturn\n}", "s"),
        ("_, ok := columns[s]\nif !ok {\nreturn\n}", "s"),
        ("if !word.MatchString(s) {\nreturn\n}", "s"),
        ('switch s {\ncase "name", "total":\ndefault:\nreturn\n}', "s"),
        ('c, ok := columns[s]\nif !ok {\nc = "t.name"\n}', "c"),
        ("c := columnOf(s)", "c"),
        ('c := fmt.Sprintf("$%d", len(s))', "c"),
        (
            "marks := make([]string, len(s))\nfor i := range s {\n"
            'marks[i] = fmt.Sprintf("$%d", i+1)\n}',
            'strings.Join(marks, ",")',
        ),
    ],
)
def test_values_of_a_list_and_numbers_are_known_in_go(body: str, used: str):
    assert _in_handler(body, used) == (None, None)


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("if slices.Contains(sorts, s) {\nreturn\n}", "s"),
        ("if !slices.Contains(sorts, other) {\nreturn\n}", "s"),
        ("if !slices.Contains(sorts, s) {\nlog.Print(s)\n}", "s"),
        ('if s == "bad" {\nreturn\n}', "s"),
        ("if !any.MatchString(s) {\nreturn\n}", "s"),
        ('if !strings.Contains(s, "a") {\nreturn\n}', "s"),
        ('switch s {\ncase "name":\nreturn\n}', "s"),
    ],
)
def test_what_only_looks_like_a_list_stays_red_in_go(body: str, used: str):
    assert _in_handler(body, used) == ("must_fix", "must_fix")


def test_a_function_that_returns_what_it_is_given_makes_no_fixed_value():
    assert _in_handler("c := echoed(s)", "c")[0] in {"should_fix", "must_fix"}
