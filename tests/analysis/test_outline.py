"""Outlines name what a file defines, in every language the parsers know."""

import pytest

from reviewloop.analysis.outline import Symbol, language_of, outline

PYTHON = '''\
import os

LIMIT = 3
lower = 4


class Basket(dict):
    """Holds parcels."""

    SIZE: int = 5

    @property
    def weight(self) -> float:
        def inner(): ...
        return 1.0

    class Slot:
        async def fill(
            self,
            parcel: str = "ü",
        ) -> None:
            pass


if os.name:
    def only_here(): pass
'''


def names(path: str, text: str) -> list[tuple[str, str]]:
    return [(symbol.kind, symbol.name) for symbol in outline(path, text)]


def test_python_symbols_are_qualified_and_have_lines_and_signatures():
    assert outline("a/basket.py", PYTHON) == [
        Symbol("const", "LIMIT", 3, 3, "LIMIT = 3"),
        Symbol("class", "Basket", 7, 22, "class Basket(dict)"),
        Symbol("const", "Basket.SIZE", 10, 10, "SIZE: int = 5"),
        Symbol("method", "Basket.weight", 13, 15, "def weight(self) -> float"),
        Symbol("class", "Basket.Slot", 17, 22, "class Slot"),
        Symbol(
            "method", "Basket.Slot.fill", 18, 22,
            'async def fill( self, parcel: str = "ü", ) -> None',
        ),
        Symbol("function", "only_here", 26, 26, "def only_here()"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.js", "export const LIMIT = 1;\nconst go = (a) => a;\nclass K { run() {} }\n"
         "module.exports = { stop() {} };\nexports.z = function () {};\nconst x = call();",
         [("const", "LIMIT"), ("function", "go"), ("class", "K"), ("method", "K.run"),
          ("method", "stop"), ("function", "z")]),
        ("a.ts", "export interface I { run(): void }\nexport type T = string;\nenum E { A }\n"
         "namespace N { export function f() {} }\nabstract class K { abstract go(): void }",
         [("interface", "I"), ("method", "I.run"), ("type", "T"), ("enum", "E"),
          ("namespace", "N"), ("function", "N.f"), ("class", "K"), ("method", "K.go")]),
        ("a.tsx", "export const App = () => <p>hi</p>;\n", [("function", "App")]),
        ("a.go", "package p\ntype S struct{}\ntype I interface { Run() }\n"
         "func (s *S) Run() {}\nfunc (s S[T]) Gen() {}\nfunc Top() {}\nconst Pi = 3\nvar local = 1",
         [("struct", "S"), ("interface", "I"), ("method", "I.Run"), ("method", "S.Run"),
          ("method", "S.Gen"), ("function", "Top"), ("const", "Pi")]),
        ("a.rs", "pub struct S;\nimpl<T> fmt::Display for S { fn fmt(&self) {} }\n"
         "trait T { fn q(&self); }\nmod m { pub fn inner() {} }\nconst K: u8 = 1;",
         [("struct", "S"), ("method", "S.fmt"), ("trait", "T"), ("method", "T.q"),
          ("module", "m"), ("function", "m.inner"), ("const", "K")]),
        ("A.java", "class A { static final int X = 1; int y; A() {} void run() {} enum E { B } }",
         [("class", "A"), ("const", "A.X"), ("method", "A.A"), ("method", "A.run"),
          ("enum", "A.E")]),
        ("a.kt", "class A {\n  companion object {\n    const val Z = 1\n  }\n}\n"
         "interface I {\n  fun q()\n}\nfun String.ext() = 1\n",
         [("class", "A"), ("const", "A.Z"), ("interface", "I"), ("method", "I.q"),
          ("function", "ext")]),
        ("a.swift", "struct S { func m() {} }\nextension S { func n() {} }\n"
         "protocol P { func q() }",
         [("struct", "S"), ("method", "S.m"), ("method", "S.n"), ("interface", "P"),
          ("method", "P.q")]),
        ("a.rb", "module M\n  class A\n    X = 1\n    def run; end\n"
         "    def self.make; end\n  end\nend",
         [("module", "M"), ("class", "M.A"), ("const", "M.A.X"), ("method", "M.A.run"),
          ("method", "M.A.make")]),
        ("a.php", "<?php\ninterface I { function q(); }\nclass A { const X = 1; "
         "function run() {} }\nfunction top() {}",
         [("interface", "I"), ("method", "I.q"), ("class", "A"), ("const", "A.X"),
          ("method", "A.run"), ("function", "top")]),
        ("a.cs", "namespace N { class A { const int X = 1; public int P { get; } void Run() {} } }",
         [("class", "A"), ("const", "A.X"), ("property", "A.P"), ("method", "A.Run")]),
        ("a.c", "#define M 1\nstruct s { int a; };\nstatic int top(int a) { return 1; }\n"
         "int later(void);",
         [("macro", "M"), ("struct", "s"), ("function", "top"), ("function", "later")]),
        ("a.cpp", "namespace n { class A { void d(); }; }\nint n::A::e(int x) { return 1; }",
         [("namespace", "n"), ("class", "n.A"), ("method", "n.A.d"), ("function", "n.A.e")]),
        ("a.scala", "object O { def run(): Int = 1 }\ntrait T { def q(): Unit }",
         [("object", "O"), ("method", "O.run"), ("trait", "T"), ("method", "T.q")]),
        ("a.lua", "function M.run(a) end\nM.f = function() end\nlocal x = 1",
         [("function", "M.run"), ("function", "M.f")]),
        ("a.ex", "defmodule A.B do\n  def run(a), do: a\n  defp priv(a) do\n    a\n  end\nend",
         [("module", "A.B"), ("function", "A.B.run"), ("function", "A.B.priv")]),
        ("a.sh", "NAME=1\nrun() { echo; }\n", [("const", "NAME"), ("function", "run")]),
        ("main.tf", 'resource "aws_s3_bucket" "logs" {\n}\nvariable "region" {}\n',
         [("resource", "aws_s3_bucket.logs"), ("variable", "region")]),
        ("a.yml", "on:\n  push:\n    branches: []\n",
         [("key", "on"), ("key", "on.push")]),
        ("a.json", '{"scripts": {"test": "x", "deep": {"no": 1}}}',
         [("key", "scripts"), ("key", "scripts.test"), ("key", "scripts.deep")]),
        ("a.css", ".a { color: red }\n@keyframes spin { from { top: 0 } }",
         [("rule", ".a"), ("rule", "spin")]),
        ("a.html", '<body><p id="top">x</p></body>', [("element", "#top")]),
    ],
)  # fmt: skip
def test_every_language(path, text, expected):
    assert names(path, text) == expected


def test_unknown_languages_and_huge_files_have_no_outline():
    assert language_of("a.zig") is None and outline("a.zig", "fn a() void {}") == []
    assert language_of("Makefile") is None
    assert outline("a.py", "x = 1\n" * 1_000_000) == []


def test_broken_files_give_what_can_be_recognised():
    assert ("function", "good") in names("a.py", "def good(): pass\n\ndef bad(:\n  ((\n")
    assert names("a.py", "\udcff\udcfe = 1\ndef after(): pass\n") == [("function", "after")]
    assert outline("a.js", "{" * 20_000) == []


def test_carriage_returns_do_not_move_lines():
    assert [s.line for s in outline("a.py", "def a(): pass\r\n\r\ndef b(): pass\r\n")] == [1, 3]


@pytest.mark.parametrize(
    "text", ["- " * 400, "\n".join(" " * depth + "a:" for depth in range(400))]
)
def test_yaml_nested_so_deep_that_its_parser_would_abort_has_no_outline(text):
    assert outline("deep.yaml", text) == []
