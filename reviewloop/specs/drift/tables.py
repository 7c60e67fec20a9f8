"""Tables of a database: from SQL, SQLAlchemy, Django, Prisma and TypeORM."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import dirname
from typing import NamedTuple

from reviewloop.regex import regex
from reviewloop.specs.drift.names import (
    CodeName,
    CodeNames,
    Unread,
    closing,
    comments_blanked,
    line_at,
)

_NAME = r"(?:[\"`\[]?\w+[\"`\]]?\.)?[\"`\[]?(?P<name>[A-Za-z_]\w*)[\"`\]]?"
_SQL = regex(
    rf"\b(?P<verb>CREATE|DROP)\s+(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED|FOREIGN)\s+)*TABLE\s+"
    rf"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?{_NAME}"
    rf"|\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?[\"`\[]?(?P<old>\w+)[\"`\]]?\s+"
    rf"RENAME\s+TO\s+[\"`\[]?(?P<new>\w+)",
    re.IGNORECASE,
)
_SQL_COMMENT = regex(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_DOWN = regex(r"(?:[._-]|^)down\.sql$|(?:^|/)down(?:s)?/|/rollback", re.IGNORECASE)
_DOWN_PART = regex(r"--\s*(?:\+goose|\+migrate)\s+Down\b|--\s*migrate:down\b", re.IGNORECASE)
_PRISMA = regex(r"^[ \t]*model\s+(?P<name>\w+)\s*\{(?P<body>[^}]*)\}", re.MULTILINE)
_PRISMA_MAP = regex(r"@@map\(\s*(?:name:\s*)?\"(?P<name>[^\"]+)\"")
_ENTITY = regex(r"@Entity\s*\(")
_ENTITY_NAME = regex(r"^\s*['\"`](?P<name>\w+)['\"`]|\bname\s*:\s*['\"`](?P<key>\w+)['\"`]")
_CLASS = regex(r"\bclass\s+(?P<name>\w+)")
_VERSION = regex(
    r"\bnew\s+Table\(\s*\{\s*name\s*:\s*['\"`](?P<made>\w+)|\bdropTable\(\s*['\"`](?P<gone>\w+)"
)
_PYTHON = regex(
    r"sqlalchemy|sqlmodel|django\.db|__tablename__|\bop\.(?:create|drop|rename)_table|db\.Model"
    r"|migrations\.(?:CreateModel|DeleteModel|RenameModel)"
)
_STATEMENT = regex(r"\b(?:CREATE|DROP)\s+TABLE\b|\bRENAME\s+TO\b")  # upper case, within code


class _Step(NamedTuple):
    """One statement that creates or drops a table."""

    name: str
    makes: bool
    path: str
    line: int
    others: tuple[str, ...] = ()


_OTHERS = (
    ("Sequelize", regex(r"\bsequelize\.define\(|from\s+['\"]sequelize['\"]")),
    ("Mongoose", regex(r"\bnew\s+(?:mongoose\.)?Schema\(")),
    ("GORM", regex(r"`[^`\n]*\bgorm:\"")),
    ("Knex", regex(r"\bknex\.schema\.|\.schema\.createTable\(")),
    ("Active Record", regex(r"\bcreate_table\s+[:\"]|ApplicationRecord")),
    ("Hibernate or JPA", regex(r"\b(?:javax|jakarta)\.persistence\b")),
    ("Peewee", regex(r"\bfrom\s+peewee\s+import|\bpeewee\.Model\b")),
    ("Drizzle", regex(r"\b(?:pg|mysql|sqlite)Table\(")),
)
_SCRIPTS = (".ts", ".js", ".mjs", ".cjs", ".tsx")
_CODE = (".py", ".go", ".rb", ".java", ".kt", *_SCRIPTS)


def read_tables(texts: Mapping[str, str]) -> CodeNames:
    """Return the tables that exist after all of these files have run."""
    found = CodeNames()
    steps = [step for path, text in texts.items() for step in _steps(path, text, found)]
    balance: dict[str, int] = {}
    for step in steps:
        key = step.name.casefold()
        balance[key] = balance.get(key, 0) + (1 if step.makes else -1)
    known: dict[str, CodeName] = {}
    for step in steps:
        key = step.name.casefold()
        if step.makes and balance[key] > 0 and key not in known:
            known[key] = CodeName("table", step.name, step.path, step.line, step.others)
    found.names += known.values()
    return found


def _steps(path: str, text: str, found: CodeNames) -> Iterable[_Step]:
    for name, pattern in _OTHERS:
        if path.endswith(_CODE) and pattern.search(text):
            found.unread.append(Unread("table", f"tables of {name} are not read", path))
            break
    if path.endswith(".sql"):
        return () if _DOWN.search(path) else _sql(_DOWN_PART.split(text)[0], path)
    if path.endswith(".prisma"):
        return _prisma(text, path)
    if path.endswith(".py") and (_PYTHON.search(text) or _STATEMENT.search(text)):
        return _python(text, path, found)
    if path.endswith(_SCRIPTS) and ("@Entity" in text or "createTable" in text):
        return _typeorm(comments_blanked(text), path)
    if path.endswith((*_SCRIPTS, ".go")) and _STATEMENT.search(text):
        return _sql(text, path, in_code=True)
    return ()


def _sql(text: str, path: str, *, in_code: bool = False) -> Iterator[_Step]:
    clean = text if in_code else _SQL_COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    for one in _SQL.finditer(clean):
        line = line_at(clean, one.start())
        if in_code and not one[0][:6].isupper():
            continue  # a sentence
        if one["name"]:
            yield _Step(one["name"], one["verb"].upper() == "CREATE", path, line)
        else:
            yield _Step(one["old"], False, path, line)
            yield _Step(one["new"], True, path, line)


def _prisma(text: str, path: str) -> Iterator[_Step]:
    for one in _PRISMA.finditer(text):
        mapped = _PRISMA_MAP.search(one["body"])
        name = mapped["name"] if mapped else one["name"]
        yield _Step(name, True, path, line_at(text, one.start("name")), (one["name"],))


def _typeorm(text: str, path: str) -> Iterator[_Step]:
    for one in _ENTITY.finditer(text):
        end = closing(text, one.end() - 1)
        given = _ENTITY_NAME.search(text[one.end() : end])
        named = _CLASS.search(text, end)
        owner = named["name"] if named else ""
        name = (given["name"] or given["key"]) if given else _snake(owner)
        if name:
            yield _Step(name, True, path, line_at(text, one.start()), (owner,) if owner else ())
    down = text.find("async down(")
    for step in _VERSION.finditer(text):
        if down < 0 or step.start() < down:
            name = step["made"] or step["gone"]
            yield _Step(name, bool(step["made"]), path, line_at(text, step.start()))


def _python(text: str, path: str, found: CodeNames) -> Iterator[_Step]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        found.unread.append(Unread("table", "the file cannot be parsed", path))
        return
    for node in _upgrading(tree):
        if isinstance(node, ast.ClassDef):
            yield from _model(node, path)
        elif isinstance(node, ast.Call):
            yield from _operation(node, path, found)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            for step in _sql(node.value, path, in_code=True):
                yield step._replace(line=node.lineno + step.line - 1)


def _upgrading(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes except those that undo a migration."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name == "downgrade":
            continue
        yield child
        yield from _upgrading(child)


def _operation(node: ast.Call, path: str, found: CodeNames) -> Iterator[_Step]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name in {"create_table", "drop_table", "rename_table"} and (
        isinstance(owner, ast.Name) and owner.id == "op"
    ):
        texts = [_text(one) for one in node.args[:2]]
        if not texts or texts[0] is None:
            found.unread.append(
                Unread("table", "the name of the table is computed", path, node.lineno)
            )
        elif name == "rename_table":
            yield _Step(texts[0], False, path, node.lineno)
            yield _Step(str(texts[1]), True, path, node.lineno)
        else:
            yield _Step(texts[0], name == "create_table", path, node.lineno)
    elif (name == "Table" or (isinstance(node.func, ast.Name) and node.func.id == "Table")) and (
        len(node.args) > 2 and (made := _text(node.args[0]))
    ):
        yield _Step(made, True, path, node.lineno)


def _model(node: ast.ClassDef, path: str) -> Iterator[_Step]:
    bases = {ast.unparse(base) for base in node.bases}
    own = {
        target.id: one.value
        for one in node.body
        if isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None
        for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
        if isinstance(target, ast.Name)
    }
    named = _text(own["__tablename__"]) if "__tablename__" in own else None
    if named:
        yield _Step(named, True, path, node.lineno, (node.name,))
    elif any(one.arg == "table" and _is_true(one.value) for one in node.keywords):
        yield _Step(node.name.lower(), True, path, node.lineno, (node.name,))
    elif "db.Model" in bases and "__abstract__" not in own:
        yield _Step(_snake(node.name), True, path, node.lineno, (node.name,))
    elif bases & {"models.Model", "django.db.models.Model", "Model"} and "models.Model" in bases:
        meta = next(
            (one for one in node.body if isinstance(one, ast.ClassDef) and one.name == "Meta"), None
        )
        values = {
            target.id: one.value
            for one in (meta.body if meta else [])
            if isinstance(one, ast.Assign)
            for target in one.targets
            if isinstance(target, ast.Name)
        }
        if _is_true(values.get("abstract")) or _is_true(values.get("proxy")):
            return
        app = dirname(path.removesuffix("/models").replace("/models/", "/")).rpartition("/")[2]
        default = f"{app}_{node.name.lower()}" if app else node.name.lower()
        given = _text(values["db_table"]) if "db_table" in values else None
        yield _Step(given or default, True, path, node.lineno, (node.name,))


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
