"""Go: text from outside that becomes a command, a query, a page, a path or an address."""

from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.go.example import row
from reviewloop.rules.go.syntax import (
    argument,
    arguments,
    call_name,
    declaration_around,
    glued,
    literal,
    receiver,
    tainted,
    text_of,
    value_of,
)
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SQL = Regex(
    r"(?is)^\W*(?:select\s.{1,400}?\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+table"
    r"|create\s+\w+|alter\s+table|with\s+\w+\s+as|truncate\s|grant\s)|\swhere\s"
)
_CONDITION = Regex(r"(?i)\b\w+\s*(?:=|<|>|\blike\b|\bin\b)\s*['(%]*(?:%[svq]|$|')")
_CONDITIONS = ("Where", "Having", "Not", "Or")
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "zsh", "cmd", "cmd.exe", "powershell"})
_INSIDE = Regex(
    r"strings\.(?:HasPrefix|Contains)\(|filepath\.(?:IsLocal|Rel|Base)\(|os\.(?:OpenRoot|Root)|\.\.\""
)
_FIXED_HOST = Regex(r"https?://[^/%]+[/?]")
_FILES = frozenset(
    {
        ("os", "Open"),
        ("os", "OpenFile"),
        ("os", "ReadFile"),
        ("os", "Create"),
        ("os", "WriteFile"),
        ("os", "Remove"),
        ("os", "RemoveAll"),
        ("ioutil", "ReadFile"),
        ("ioutil", "WriteFile"),
        ("http", "ServeFile"),
        ("c", "File"),
        ("c", "FileAttachment"),
    }
)
_QUERIES = ("Query", "QueryRow", "Exec", "Raw", "Prepare", "Get", "Select", "Queryx", "MustExec")
_row = partial(row, reviewer=SECURITY)


def _command(node: "SgNode", source: Source) -> Found | None:
    if receiver(node) != "exec":
        return None
    given = arguments(node)[1 if call_name(node) == "CommandContext" else 0 :]
    if not given:
        return None
    shell = text_of(given[0]).rsplit("/", 1)[-1] in _SHELLS
    if shell and len(given) > 2 and text_of(given[1]).lower() in {"-c", "/c", "-ec", "-lc"}:
        script = value_of(given[2], source)
        if tainted(script, source) or tainted(given[2], source):
            return Found(node, severity=MUST)
        return Found(node) if glued(script) is not None else None
    return Found(given[0], severity=MUST) if tainted(given[0], source) else None


def _sql(node: "SgNode", source: Source) -> Found | None:
    for given in arguments(node)[:2]:
        whole = value_of(given, source)
        fixed = glued(whole)
        wanted = _CONDITION if call_name(node) in _CONDITIONS else _SQL
        if fixed is not None and wanted.search(fixed):
            dirty = tainted(whole, source)
            return Found(given, severity=MUST if dirty else SHOULD)
    return None


def _page(node: "SgNode", source: Source) -> Found | None:
    first = argument(node, 0)
    if receiver(node) != "template" or first is None or literal(first):
        return None
    return Found(node, severity=MUST if tainted(first, source) else SHOULD)


def _reflected(node: "SgNode", source: Source) -> "SgNode | None":
    given = arguments(node)
    name, of = call_name(node), receiver(node)
    if name in {"Fprintf", "Fprint", "Fprintln", "WriteString"} and of in {"fmt", "io"}:
        if not given or given[0].text() not in {"w", "rw", "res", "writer"}:
            return None
        parts = given[1:]
    elif name == "Write" and of in {"w", "rw"}:
        parts = given
    else:
        return None
    if not any("<" in part.text() for part in parts):
        return None
    return next((part for part in parts if tainted(part, source)), None)


def _path(node: "SgNode", source: Source) -> "SgNode | None":
    of, name = receiver(node), call_name(node)
    if (of, name) not in _FILES:
        return None
    given = argument(node, 2 if name == "ServeFile" else 0)
    if given is None or not tainted(given, source):
        return None
    function = declaration_around(node, source)
    checked = function is not None and _INSIDE.search(function.text()[:30_000])
    return None if checked else given


def _request(node: "SgNode", source: Source) -> "SgNode | None":
    of, name = receiver(node), call_name(node)
    if of != "http":
        return None
    given = argument(node, {"NewRequest": 1, "NewRequestWithContext": 2}.get(name, 0))
    if given is None:
        return None
    fixed = glued(value_of(given, source))
    if fixed is not None and _FIXED_HOST.match(fixed):
        return None
    return given if tainted(given, source) else None


def _redirect(node: "SgNode", source: Source) -> "SgNode | None":
    of = receiver(node)
    given = argument(node, 2 if of == "http" else 1)
    if given is None or of not in {"http", "c", "ctx"}:
        return None
    fixed = glued(value_of(given, source))
    if fixed is not None and (fixed.startswith("/") or _FIXED_HOST.match(fixed)):
        return None
    whole = value_of(given, source).text()
    return None if ".URL.Path" in whole or not tainted(given, source) else given


PATTERNS = (
    Pattern(
        _row(
            "command-injection",
            severity=SHOULD,
            source="CWE-78",
            title="A shell command contains a value that is not fixed.",
            why="A value with `;` or `$(...)` in it makes the shell run a second command.",
            fix="Start the program itself, with its arguments one by one.",
            bad='exec.Command("sh", "-c", "ls "+dir)\n---\n'
            'n := r.FormValue("n")\nexec.Command("bash", "-c", n)',
            good='exec.Command("ls", dir)\n---\nexec.Command("sh", "-c", "ls | wc -l")',
        ),
        _command,
        calls=("Command", "CommandContext"),
    ),
    Pattern(
        _row(
            "sql-injection",
            severity=SHOULD,
            source="CWE-89",
            title="A database query contains a value that is not fixed.",
            why="A value with a quote in it changes what the query does or returns.",
            fix="Use placeholders and pass the values as arguments.",
            bad='db.Query("SELECT a FROM t WHERE id = " + id)\n---\n'
            "q := fmt.Sprintf(\"DELETE FROM t WHERE n = '%s'\", name)\ndb.ExecContext(ctx, q)",
            good='db.Query("SELECT a FROM t WHERE id = $1", id)\n---\n'
            'db.Query("SELECT a " + "FROM t")\n---\nc.Get("hello " + name)\n---\n'
            'db.Query("SELECT a FROM t LIMIT " + strconv.Itoa(n))',
        ),
        _sql,
        calls=(*_QUERIES, *_CONDITIONS, *(f"{name}Context" for name in _QUERIES)),
    ),
    Pattern(
        _row(
            "html-not-escaped",
            severity=SHOULD,
            source="CWE-79",
            title="Changing text is marked as safe HTML.",
            why="The template then shows it as it is, scripts included.",
            fix="Hand the text itself to the template.",
            bad="t.Execute(w, template.HTML(text))",
            good='t.Execute(w, template.HTML("<br>"))\n---\nt.Execute(w, text)',
        ),
        _page,
        calls=("HTML", "JS", "URL", "HTMLAttr", "CSS", "Srcset", "JSStr"),
        hints=("template.",),
    ),
    Pattern(
        _row(
            "reflected-html",
            severity=MUST,
            source="CWE-79",
            title="What a client sent is put into HTML unescaped.",
            why="A link can carry a script that then runs in the reader's session.",
            fix="Use html/template.",
            bad='fmt.Fprintf(w, "<p>%s</p>", r.FormValue("n"))\n---\n'
            'n := r.URL.Query().Get("n")\nw.Write([]byte("<b>" + n))',
            good='fmt.Fprintf(w, "<p>%s</p>", html.EscapeString(r.FormValue("n")))',
        ),
        _reflected,
        calls=("Fprintf", "Fprint", "Fprintln", "Write", "WriteString"),
        hints=("<",),
    ),
    Pattern(
        _row(
            "path-traversal",
            severity=MUST,
            source="CWE-22",
            title="A client chooses which file is read or written.",
            why="`../` in the name leads out of the folder that was meant.",
            fix="Use os.Root, or filepath.IsLocal before the name is joined.",
            bad='p := filepath.Join(root, r.URL.Query().Get("f"))\nos.ReadFile(p)',
            good='os.ReadFile(filepath.Join(root, filepath.Base(r.FormValue("f"))))\n---\n'
            "os.ReadFile(name)",
        ),
        _path,
        calls=tuple(sorted({name for _, name in _FILES})),
    ),
    Pattern(
        _row(
            "request-to-any-host",
            severity=MUST,
            source="CWE-918",
            title="A client chooses which address the server asks.",
            why="The server can reach what the client cannot: metadata services, internal hosts.",
            fix="Keep the host fixed, or compare it with a list of allowed ones.",
            bad='http.Get(r.FormValue("url"))',
            good='http.Get("https://a.b/" + r.FormValue("id"))\n---\nhttp.Get(url)',
        ),
        _request,
        calls=("Get", "Post", "Head", "PostForm", "NewRequest", "NewRequestWithContext"),
    ),
    Pattern(
        _row(
            "open-redirect",
            severity=SHOULD,
            source="CWE-601",
            title="A client chooses where it is redirected to.",
            why="Links to your site then lead to somebody else's, which helps phishing.",
            fix="Redirect to paths of your own.",
            bad='http.Redirect(w, r, r.FormValue("next"), 302)',
            good='http.Redirect(w, r, "/home", 302)\n---\n'
            'http.Redirect(w, r, "/u/"+r.FormValue("id"), 302)',
        ),
        _redirect,
        calls=("Redirect",),
    ),
)
