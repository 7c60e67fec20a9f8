"""Decides which files have to be parsable, and tells where one is not."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import Hit, PathClass, Rule, SourceFile, Span
from reviewloop.rules.syntax import rules
from reviewloop.rules.syntax.code import code_problem
from reviewloop.rules.syntax.documents import Problem, json_problem, toml_problem, yaml_problem

LARGEST = 5_000_000  # characters; what is longer was written by a program
_TEMPLATE = re.compile(r"(?<!\$)\{\{-?\s{0,20}[A-Za-z_.$(#/>&^!*]|\{%|<%|\{\{[-#/]")
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)  # told by a rule of its own
_ON_PURPOSE = re.compile(r"invalid|broken|malformed|syntax|corrupt|unpars|bad|wrong|error", re.I)
_WORKFLOWS = frozenset({"github-workflow", "github-action", "dependabot"})
_IDENTITY = "unparsable"  # a file is broken or not: other errors in it are the same finding


def syntax_hits(file: SourceFile) -> Iterator[Hit]:
    """Yield one hit for a file that cannot be parsed, at the line where its reader stops."""
    if len(file.text) > LARGEST or "{{" in file.path or _CONFLICT.search(file.text):
        return
    if file.path_class is PathClass.TEST and _ON_PURPOSE.search(file.path):
        return
    rule, problem = _problem(file)
    if problem is None:
        return
    line = min(max(problem.line, 1), len(file.lines))
    message = f"{rule.title}: {problem.message}" if problem.message else f"{rule.title}"
    yield Hit(rule.id, file.path, Span(line, line), f"{message}.", identity=_IDENTITY)


def _problem(file: SourceFile) -> tuple[Rule, Problem | None]:
    path = file.path.lower()
    if path.endswith(".json"):
        return rules.JSON, _unless_template(file, json_problem(file.path, file.text))
    if path.endswith((".yml", ".yaml")):
        problem = yaml_problem(file.text)
        # A workflow is full of braces of other languages, and is never a template itself.
        if file.language not in _WORKFLOWS:
            problem = None if "/templates/" in f"/{path}" else _unless_template(file, problem)
        return rules.YAML, problem
    if path.endswith(".toml"):
        return rules.TOML, _unless_template(file, toml_problem(file.text))
    return rules.CODE, code_problem(file)


def _unless_template(file: SourceFile, problem: Problem | None) -> Problem | None:
    return None if problem is None or _TEMPLATE.search(file.text) else problem
