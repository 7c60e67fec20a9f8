"""The rules about files that cannot be parsed."""

from reviewloop.analysis.contract import (
    INFRASTRUCTURE,
    MAINTAINABILITY,
    MUST,
    SHOULD,
    Example,
    Rule,
)

JSON = Rule(
    "syntax/json",
    MAINTAINABILITY,
    MUST,
    "This is not valid JSON",
    why="Whatever reads the file stops with an error, or goes on without its settings.",
    fix="Correct it at this line or just before it: a comma too many is the usual cause.",
    category="syntax",
    source="https://www.rfc-editor.org/rfc/rfc8259",
    in_examples=True,
    bad=(
        Example("package.json", '{"name": "shop",, "version": "1.0.0"}\n'),
        Example("config/app.json", '{\n  "port": 80,\n}\n'),
        Example("package.json", '{\n  // the shop\n  "name": "shop"\n}\n'),
    ),
    good=(
        Example("package.json", '{"name": "shop", "version": "1.0.0"}\n'),
        Example("tsconfig.json", '{\n  // strict\n  "compilerOptions": {"strict": true,},\n}\n'),
        Example(".vscode/settings.json", '{"editor.tabSize": 2,}\n'),
        Example(
            "config/app.json", '{\n  // comments: for a reader that takes them\n  "port": 80,\n}'
        ),
        Example("data/rows.json", '{"row": 1}\n{"row": 2}\n'),
        Example("shop/app.json", '{"name": {{ name }}}\n'),
    ),
)
YAML = Rule(
    "syntax/yaml",
    INFRASTRUCTURE,
    MUST,
    "This is not valid YAML",
    why="Whatever reads the file stops with an error; a workflow like this never starts.",
    fix="Correct it at this line or just before it: look at indentation, quotes and brackets.",
    category="syntax",
    source="https://yaml.org/spec/1.2.2/",
    in_examples=True,
    bad=(
        Example(".github/workflows/ci.yml", "on: push\njobs: [\n"),
        Example("compose.yaml", "services:\n  web:\n    image: a\n   ports: [80]\n"),
        Example("app.yml", "title: a: b\n"),
    ),
    good=(
        Example(".github/workflows/ci.yml", "on: push\njobs: {}\n"),
        Example("all.yaml", "a: 1\n---\nb: !Ref c\n"),
        Example("chart/templates/web.yaml", "a: {{ .Values.a }}\n{{- if .b }}\nb: 1\n{{- end }}\n"),
        Example("play.yml", "{% if a %}\na: 1\n{% endif %}\n"),
    ),
)
TOML = Rule(
    "syntax/toml",
    MAINTAINABILITY,
    MUST,
    "This is not valid TOML",
    why="Whatever reads the file stops with an error.",
    fix="Correct it at this line or just before it.",
    category="syntax",
    source="https://toml.io/en/v1.0.0",
    in_examples=True,
    bad=(
        Example("pyproject.toml", '[project]\nname = "shop\n'),
        Example("pyproject.toml", "[tool.a]\nb = 1\nb = 2\n"),
    ),
    good=(
        Example("pyproject.toml", '[project]\nname = "shop"\n'),
        Example("new/pyproject.toml", "[project]\nname = {{ name }}\n"),
    ),
)
CODE = Rule(
    "syntax/code",
    MAINTAINABILITY,
    SHOULD,
    "This cannot be parsed, so nothing else can be said about it",
    why="It does not compile or run, and no analyser can look into it.",
    fix="Correct it at this line or before it: look for a bracket or a quote that is not closed.",
    category="syntax",
    source="CWE-1164",
    in_tests=True,
    in_examples=True,
    bad=(
        Example("app.ts", "const x = {;\n"),
        Example("app.js", "function f() {\n  return [1, 2;\n}\n"),
        Example("main.go", "package main\n\nfunc {\n"),
        Example("run.sh", 'if [ -n "$1" ]; then\n  echo "$1"\n'),
        Example("main.tf", 'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n'),
    ),
    good=(
        Example("app.ts", "export type * from './a'\nconst x = {};\n"),
        Example("app.tsx", "const a = <p>You & me</p>;\n"),
        Example("main.go", "package main\n\nvar x = ``\n"),
        Example("run.sh", 'if [ -n "$1" ]; then\n  echo "$1"\nfi\n'),
        Example("main.tf", 'resource "aws_s3_bucket" "a" {\n  bucket = "${var.a}-{"\n}\n'),
        Example("tests/invalid_input.js", "const x = {;\n"),
    ),
)
RULES: tuple[Rule, ...] = (JSON, YAML, TOML, CODE)
