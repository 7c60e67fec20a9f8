"""Resolution of imports to files, in Python, JavaScript, TypeScript and Go."""

import pytest

from reviewloop.architecture.imports import Modules, is_examined, read_imports


def targets(path: str, text: str, others: dict[str, str]) -> list[str]:
    files = {path: text, **others}
    return [one.target for one in read_imports(path, text, Modules.of(files, files.get))]


PYTHON = dict.fromkeys(
    ("src/app/__init__.py", "src/app/web.py", "src/app/db/__init__.py", "src/app/db/rows.py"), ""
)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("import app.web", "src/app/web.py"),
        ("import app.web as w", "src/app/web.py"),
        ("from app import web", "src/app/web.py"),
        ("from app.db import rows", "src/app/db/rows.py"),
        ("from app.db import Row", "src/app/db/__init__.py"),
        ("from app.db.rows import Row as R", "src/app/db/rows.py"),
        ("from . import web", "src/app/web.py"),
        ("from .db import rows", "src/app/db/rows.py"),
        ("from .db.rows import (\n    Row,\n)", "src/app/db/rows.py"),
        ("from .db import *", "src/app/db/__init__.py"),
        ("def f():\n    from app.db import rows", "src/app/db/rows.py"),
        ("if TYPE_CHECKING:\n    import app.web", "src/app/web.py"),
        ("import logging", ""),
        ("import requests", ""),
        ("from ....far import x", ""),
    ],
)
def test_python(line: str, target: str):
    assert targets("src/app/cli.py", line, PYTHON) == [target]


def test_a_script_finds_what_lies_beside_it_and_never_takes_it_for_the_standard_library():
    beside = {"tools/rows.py": "", "tools/logging.py": ""}

    assert targets("tools/run.py", "import rows\nimport logging\n", beside) == ["tools/rows.py", ""]


SCRIPTS = {
    "src/b.ts": "",
    "src/c/index.tsx": "",
    "src/lib/d.ts": "",
    "tsconfig.json": '{ // with a comment\n "compilerOptions": {"baseUrl": "src",'
    ' "paths": {"@/*": ["*"], "~lib": ["lib/d.ts"],}}}',
    "packages/ui/package.json": '{"name": "@acme/ui"}',
    "packages/ui/src/button.tsx": "",
}


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("import b from './b';", "src/b.ts"),
        ("import b from './b.js';", "src/b.ts"),
        ("import type {B} from './b'", "src/b.ts"),
        ("export * from './c'", "src/c/index.tsx"),
        ("const d = require('./lib/d');", "src/lib/d.ts"),
        ("const d = await import('./lib/d');", "src/lib/d.ts"),
        ("import d = require('./lib/d');", "src/lib/d.ts"),
        ("import b from '@/b'", "src/b.ts"),
        ("import b from '~lib'", "src/lib/d.ts"),
        ("import d from 'lib/d'", "src/lib/d.ts"),
        ("import {Button} from '@acme/ui/button'", "packages/ui/src/button.tsx"),
        ("import {Button} from '@acme/ui'", "packages/ui/package.json"),
        ("import express from 'express'", ""),
        ("import './gone'", ""),
    ],
)
def test_typescript(line: str, target: str):
    assert targets("src/a.ts", line, SCRIPTS) == [target]


def test_go():
    others = {
        "go.mod": "module example.com/shop\n",
        "internal/db/rows.go": "package db\n",
        "internal/db/rows_test.go": "package db\n",
        "tools/go.mod": "module example.com/shop/tools\n",
        "tools/gen/gen.go": "package gen\n",
    }
    text = (
        'package main\n\nimport (\n\t"fmt"\n\tx "example.com/shop/internal/db"\n'
        '\t"example.com/shop/tools/gen"\n\t"example.com/shopping"\n)\n'
    )

    found = targets("cmd/main.go", text, others)

    assert found == ["", "internal/db/rows.go", "tools/gen/gen.go", ""]


def test_tests_and_code_of_others_are_left_out():
    left_out = ("src/a.test.ts", "tests/a.py", "node_modules/a/b.js", "a_test.go", "vendor/a/b.go")

    assert not any(map(is_examined, left_out))
    assert is_examined("app/spec/check.py")
