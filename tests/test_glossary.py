"""One word for one concept: the names of the package use the words of the field."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import reviewloop

PACKAGE = Path(reviewloop.__file__).parent

INSTEAD = {
    "report, notify, on_event": "told tell tells telling untold",
    "message, text, reason, detail": "said say says",
    "request, required, expected": "wanted wish wishes asked",
    "result, answer, command": "heard hear hears",
    "apply, rebase, get": "brought bring brings",
    "status, base": "stand stands stood standing",
    "session": "sitting sittings",
    "location, path, folder, index": "place places placed spot spots whereabouts",
    "user": "person persons somebody nobody anybody",
    "redact, withhold": "hide hides mask masks masked masking unseen",
    "evaluate, assess": "judge judged judging",
    "options, style": "manner",
    "estimate": "foreseen foreword",
    "granted, borrowed": "lent",
    "workers": "crew",
    "status, outcome": "fate",
    "recorded": "noted",
    "rated": "weighed",
    "usable, statuses": "able",
    "obstacle": "hindrance",
    "more severe, most severe": "graver gravest",
    "unanswered": "unheard",
    "foreign": "stranger",
    "edited, built": "reworded",
    "options": "plannable",
    "passed, artifact": "handed",
    "match": "sameness",
    "handle, command": "hearing hearings",
    "format, location": "telling whereabouts",
}
"""What to say, and the words it takes the place of."""

WORDS = {word: say for say, words in INSTEAD.items() for word in words.split()}

KEPT = {
    "rules/docker/running.py: find_pipe_hides_failure": "called as its rule is",
    "rules/infra/rules.py: QUEUE_HIDES_TOO_BRIEFLY": "called as its rule is",
    "rules/sh/upkeep.py: find_pipe_hides_failure": "called as its rule is",
    "app/fleet/work.py: said": "a field of the record of a batch",
    "domain/batch_report.py: brings": "a key of the queue's JSON",
    "domain/event.py: said": "a key of stored events",
    "domain/errors.py: says_untouched": "a key of stored reasons",
    "loop/context.py: steering_asked": "a key of stored briefs",
    "render/proposal.py: person_edited": "a key of the proposal's JSON",
    "render/proposal.py: told": "a key of the proposal's JSON",
    "store/batches.py: said": "a key of stored batches",
    "github/artifacts/report.py: fate": "a key of the artifact between two jobs",
    "github/artifacts/report.py: spots": "a key of the artifact between two jobs",
}
"""Names that keep such a word, `file: name`, and why."""


def defined(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module makes: classes, functions, parameters, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def words_of(name: str) -> set[str]:
    """Return the words of a name, however it joins them."""
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))


def refused(source: str, file: str = "") -> set[str]:
    """Return the names in a source whose words the glossary has another word for."""
    names = {name for name in defined(ast.parse(source)) if words_of(name) & WORDS.keys()}
    return {name for name in names if f"{file}: {name}" not in KEPT}


@cache
def rooms() -> dict[str, list[Path]]:
    """Return the files of each room; `app/` and its rooms are told apart."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        depth = 2 if parts[0] == "app" and len(parts) > 2 else 1
        found.setdefault("/".join(parts[:depth]), []).append(path)
    return found


@pytest.mark.parametrize("room", sorted(rooms()))
def test_names_use_the_words_of_the_field(room):
    wrong = {}
    for path in rooms()[room]:
        file = path.relative_to(PACKAGE).as_posix()
        for name in refused(path.read_text("utf-8"), file):
            say = " or ".join(sorted({WORDS[word] for word in words_of(name) & WORDS.keys()}))
            wrong[f"{file}: {name}"] = say
    assert wrong == {}


def test_files_are_named_by_the_words_of_the_field():
    """A stand-in is a word of its own."""
    tests = Path(__file__).parent
    wrong = {}
    for path in [*PACKAGE.rglob("*.py"), *tests.rglob("*.py")]:
        parts = [*path.parent.parts[-2:], path.stem]
        found = {word for part in parts for word in words_of(part.replace("stand_in", ""))}
        if found & WORDS.keys():
            wrong[path.name] = found & WORDS.keys()
    assert wrong == {}


@pytest.mark.parametrize(
    "source",
    [
        "class Wish: ...",
        "def is_told(): ...",
        "def get(place): ...",
        "def get(*, why_asked): ...",
        "said = 1",
        "self.told = 1",
        "for (spot, _) in []: ...",
        "class SpotPart: ...",
        "_LONGEST_SAID = 1",
        "from a import hear as heard",
        "def find(name, able=()): ...",
        "def gravest(verdicts): ...",
    ],
)
def test_a_word_of_our_own_is_refused_wherever_a_name_is_made(source):
    assert refused(source)


def test_a_word_inside_of_another_word_or_a_text_is_none():
    assert refused("standard = replaced = placement = 'nobody said it'") == set()


def test_what_is_kept_is_there_and_needs_it():
    gone = []
    for kept in KEPT:
        file, _, name = kept.partition(": ")
        there = set(defined(ast.parse((PACKAGE / file).read_text("utf-8"))))
        if name not in there or not words_of(name) & WORDS.keys():
            gone.append(kept)
    assert gone == []
