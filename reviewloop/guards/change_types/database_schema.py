"""Kind of change: the schema of a database, in SQL, migrations or model classes."""

import re
from collections.abc import Iterator, Sequence

from reviewloop.guards.change_types.changed import CODE, ChangedFile, Evidence
from reviewloop.regex import regex

_OBJECTS = r"TABLE|(?:UNIQUE\s+)?INDEX|(?:MATERIALIZED\s+)?VIEW|SCHEMA|TYPE|SEQUENCE|TRIGGER|COLUMN"
_VERBS = r"(?:CREATE|ALTER|DROP)(?:\s+OR\s+REPLACE)?"
_SQL = regex(rf"\b{_VERBS}\s+(?:{_OBJECTS}|DATABASE)\b\s+\S", re.IGNORECASE)
_CLAUSE = regex(r"^\s*(?:ADD|DROP|ALTER|RENAME|MODIFY)\s+(?:COLUMN|CONSTRAINT|TO)\b", re.IGNORECASE)
_IN_CODE = regex(rf"\b{_VERBS}\s+(?:{_OBJECTS})\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?[\w\"`\[{{%$]")
_MIGRATIONS = regex(
    r"\bop\.(?:add_column|drop_column|alter_column|create_\w+|drop_\w+|rename_table|execute)\("
    r"|\bmigrations\.(?:AddField|RemoveField|AlterField|RenameField|CreateModel|DeleteModel"
    r"|RenameModel|AddIndex|RemoveIndex|AddConstraint|RemoveConstraint|RunSQL|AlterUniqueTogether)\("
    r"|\bqueryInterface\.(?:add|remove|change|rename|create|drop)\w+\("
    r"|\bschema\.(?:createTable|alterTable|dropTable|renameTable|table|hasColumn)\w*\("
    r"|\bqueryRunner\.(?:query|addColumn|dropColumn|createTable|dropTable|createIndex)\("
)
_TYPEORM = (
    "Entity|Column|PrimaryGeneratedColumn|PrimaryColumn|ManyToOne|OneToMany|ManyToMany|OneToOne"
    "|JoinColumn|Index|CreateDateColumn|UpdateDateColumn"
)
_MAPPED: Sequence[tuple[str, re.Pattern[str]]] = (
    ("sqlalchemy", regex(r"\b(?:Column|mapped_column|ForeignKey|UniqueConstraint)\(")),
    ("sqlmodel", regex(r"=\s*Field\(|\btable=True")),
    ("django.db", regex(r"\bmodels\.(?:\w+Field|ForeignKey|UniqueConstraint|Index)\(")),
    ("peewee", regex(r"=\s*(?:\w+Field|ForeignKeyField)\(")),
    ("typeorm", regex(rf"@(?:{_TYPEORM})\(")),
    ("sequelize-typescript", regex(r"^\s*@(?:Table|Column|ForeignKey|Default|AllowNull)\b")),
    ("sequelize", regex(r"\bsequelize\.define\(|type:\s*DataTypes\.")),
    ("mongoose", regex(r"\bnew\s+(?:mongoose\.)?Schema\(")),
    ("gorm", regex(r"`[^`]*\bgorm:\"")),
)


def find(files: Sequence[ChangedFile]) -> Iterator[Evidence]:
    """Yield the first line of each file that changes a table, a column or an index."""
    for file in files:
        if file.ending == "sql":
            hit = file.first(_SQL) or file.first(_CLAUSE)
        elif file.ending == "prisma":
            hit = file.first(re.compile(r"\S"))
        elif file.ending in CODE:
            hit = file.first(_IN_CODE) or file.first(_MIGRATIONS) or _mapped(file)
        else:
            continue
        if hit:
            yield Evidence(file.path, hit[0], " ".join(hit[1][0].split()))


def _mapped(file: ChangedFile) -> tuple[int, re.Match[str]] | None:
    for library, pattern in _MAPPED:
        known = library in file.after or library in file.before
        if known and (hit := file.first(pattern)):
            return hit
    return None
