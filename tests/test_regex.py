"""Patterns that compile when they are first used."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reviewloop
from reviewloop.regex import regex


def test_a_pattern_compiles_at_its_first_match(monkeypatch):
    compiled = []
    real = re.compile
    monkeypatch.setattr(re, "compile", lambda *given: compiled.append(given) or real(*given))
    word = regex(r"(?P<first>\w)\w*", re.IGNORECASE)
    assert (word.pattern, compiled) == (r"(?P<first>\w)\w*", [])
    assert word.search("- b")["first"] == "b"
    assert [match[0] for match in word.finditer("a bc")] == ["a", "bc"]
    assert word.sub("x", "a b") == "x x"
    assert compiled == [(r"(?P<first>\w)\w*", re.IGNORECASE)]


def test_everything_else_is_that_of_the_compiled_pattern():
    both = [make(rb"(a)(?P<n>b)?", re.MULTILINE) for make in (re.compile, regex)]
    for known in ("flags", "groups", "groupindex", "pattern"):
        first, second = (getattr(one, known) for one in both)
        assert first == second
    assert both[1].match(b"xab", 1).span() == (1, 3)
    with pytest.raises(AttributeError):
        both[1].no_such_method()


# In a process of its own: the tests' own objects are frozen, and hidden from the collector.
_COMPILE_ALL = """
import gc, importlib, pkgutil, re, reviewloop
from reviewloop.regex import _Late
for module in pkgutil.walk_packages(reviewloop.__path__, "reviewloop."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
kept = [found for found in gc.get_objects() if isinstance(found, _Late)]
for pattern in kept:
    re.compile(pattern.pattern, pattern._given)
print(len(kept))
"""


@pytest.mark.slow
def test_every_pattern_that_a_module_keeps_compiles():
    environ = {**os.environ, "PYTHONPATH": str(Path(reviewloop.__file__).parents[1])}
    command = [sys.executable, "-c", _COMPILE_ALL]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 500
