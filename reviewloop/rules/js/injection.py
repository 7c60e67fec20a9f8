"""JavaScript: text from outside that becomes a command or a query."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js, ts
from reviewloop.rules.js.fixed_pieces import of_fixed_pieces
from reviewloop.rules.js.request_input import tainted, value_of
from reviewloop.rules.js.syntax import argument, arguments, call_name, glued, pairs, receiver
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_SQL = Regex(
    r"\b(?:select\s.{1,400}?\sfrom|insert\s+into|update\s+\S+\s+set|delete\s+from|drop\s+table"
    r"|create\s+(?:table|user|database)|alter\s+table|merge\s+into|exec(?:ute)?\s+\w"
    r"|where\s+\S+\s*(?:=|<|>|like|in)|union\s+select|order\s+by)",
    re.IGNORECASE | re.DOTALL,
)
_PROCESS = Regex(r"(?:child_?process|cp|shell(?:js)?|require\(['\"](?:node:)?child_process)")
_PLACEHOLDERS = Regex(r"placeholders?|marks?|columns?$|^fields?$|tableName|schema", re.IGNORECASE)


def _command(node: "SgNode", source: Source) -> Found | None:
    of = receiver(node)
    if of and not _PROCESS.match(of) and not _stands_for_processes(of, source):
        return None
    first = argument(node, 0)
    if first is None:
        return None
    name = call_name(node)
    if name in {"spawn", "spawnSync", "execFile", "execFileSync"} and not _in_shell(node):
        return Found(first) if name.startswith("spawn") and tainted(first, source) else None
    whole = value_of(first, source)
    if tainted(whole, source) or tainted(first, source):
        return Found(first)
    return Found(first, severity=SHOULD) if glued(whole) else None


def _stands_for_processes(name: str, source: Source) -> bool:
    """Whether a name is what the file calls the module of processes."""
    if not re.fullmatch(r"[\w$]{1,40}", name):
        return False
    name = re.escape(name)
    module = r"[\"'](?:node:)?child_process[\"']"
    imported = rf"\bimport\s+(?:\*\s*as\s+)?{name}\s*(?:,[^;\n]{{0,200}})?\sfrom\s+{module}"
    return source.says(rf"{imported}|(?<![\w$]){name}\s*=\s*require\(\s*{module}")


def _in_shell(node: "SgNode") -> bool:
    for given in arguments(node)[1:]:
        shell = pairs(given).get("shell")
        if shell is not None and shell.text() != "false":
            return True
    return False


def _sql(node: "SgNode", source: Source) -> Found | None:
    first = argument(node, 0)
    if first is None:
        return None
    if first.kind() == "object":
        first = pairs(first).get("text") or pairs(first).get("sql") or first
    whole = value_of(first, source)
    parts = glued(whole)
    if parts is None or not _SQL.search(parts[0]):
        return None
    dirty = tainted(whole, source)
    moving = [
        part
        for part in parts[1]
        if not _PLACEHOLDERS.search(part.text()[:200]) and not of_fixed_pieces(part, source)
    ]
    if not moving and not dirty:
        return None
    return Found(first, severity=MUST if dirty else SHOULD)


PATTERNS = (
    Pattern(
        Rule(
            "js/command-injection",
            SECURITY,
            MUST,
            "A shell command contains a value that is not fixed.",
            why="A value with `;` or `$(...)` in it makes the shell run a second command.",
            fix="Use execFile or spawn with a list of arguments and without a shell.",
            category="injection",
            source="CWE-78",
            bad=(
                *js("import {exec} from 'child_process';\nexec(`git log ${branch}`);"),
                *js(
                    "const cp = require('child_process');\n"
                    "app.get('/', (req, res) => { const n = req.query.n; cp.execSync('id ' + n) });"
                ),
                *js("import child from 'child_process';\nchild.execSync(`git log ${branch}`);"),
                *js("require('child_process').spawn('ls ' + dir, {shell: true});"),
                *ts("import cp from 'child_process';\n(cp as any).execSync!(`git log ${branch}`);"),
            ),
            good=(
                *js("import {exec} from 'child_process';\nexec('git status');"),
                *js("import {execFile} from 'child_process';\nexecFile('git', ['log', branch]);"),
                *js("import child from 'child_process';\nconst m = rows.exec(`x${branch}`);"),
                *js("import cp from 'child_process';\nconst m = /a/.exec(`x${branch}`);"),
            ),
        ),
        _command,
        calls=("exec", "execSync", "spawn", "spawnSync", "execFile", "execFileSync"),
        hints=("child_process", "shelljs"),
    ),
    Pattern(
        Rule(
            "js/sql-injection",
            SECURITY,
            SHOULD,
            "A database query contains a value that is not fixed.",
            why="A value with a quote in it changes what the query does or returns.",
            fix="Use placeholders and pass the values as parameters.",
            category="injection",
            source="CWE-89",
            bad=(
                *js("db.query(`SELECT * FROM users WHERE id = ${id}`);"),
                *js(
                    'function f(name) {\n  const q = "SELECT a FROM t WHERE n = \'" + name + "\'";'
                    "\n  return pool.query(q);\n}"
                ),
                *ts("const [u] = await db.query<User>(`SELECT * FROM users WHERE id = ${id}`);"),
            ),
            good=(
                *js("db.query('SELECT * FROM users WHERE id = $1', [id]);"),
                *js("const rows = await sql`SELECT * FROM users WHERE id = ${id}`;"),
                *js("db.query(`SELECT * FROM ${TABLE}`);"),
                *ts("await db.query<User>('SELECT * FROM users WHERE id = $1', [id]);"),
                *js("client.query(`hello ${name}`);"),
            ),
        ),
        _sql,
        calls=(
            "query",
            "execute",
            "raw",
            "$queryRawUnsafe",
            "$executeRawUnsafe",
            "all",
            "get",
            "run",
            "exec",
            "each",
            "prepare",
            "any",
            "one",
            "none",
            "many",
            "oneOrNone",
            "manyOrNone",
            "literal",
            "whereRaw",
            "unsafe",
        ),
        hints=(
            "select",
            "SELECT",
            "INSERT",
            "insert",
            "UPDATE",
            "update",
            "DELETE",
            "delete",
            "WHERE",
        ),
    ),
)
