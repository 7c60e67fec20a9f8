"""Finds what a change says of its own files to keep them from being read."""

from collections.abc import Iterator

from reviewloop.analysis.contract import SECURITY, SHOULD, ChangeCheck, ChangeView, Hit, Rule, Span
from reviewloop.analysis.languages import CODE

_SOURCE = "https://docs.github.com/en/repositories/working-with-files/managing-files/customizing-how-changed-files-appear-on-github"

_MARKED = Rule(
    id="diff/marked-as-generated",
    reviewer=SECURITY,
    severity=SHOULD,
    title="The change marks a file that was written by hand as generated",
    why="Review pages, linters and review tools pass over generated files. With the mark, this and "
    "every later change of the file goes unread.",
    fix="Delete the mark. If a program really writes the file from now on, say which one, and list "
    "it in `.gitattributes` as `linguist-generated` in a change of its own.",
    category="review",
    source=_SOURCE,
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)
_BYTES = Rule(
    id="diff/source-as-binary",
    reviewer=SECURITY,
    severity=SHOULD,
    title="Code that tools take for a binary file",
    why="A NUL byte, or text in UTF-16, makes git and review pages show no diff: the code goes "
    "unread, and interpreters run it all the same.",
    fix="Save the file as UTF-8 without NUL bytes. Data that needs them belongs in a file of its "
    "own.",
    category="hidden-text",
    source="https://git-scm.com/docs/gitattributes#_marking_files_as_binary",
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)


def _run(view: ChangeView) -> Iterator[Hit]:
    for file in view.files:
        if file.claim.startswith("generated") and file.status != "A":
            number = next(
                (n for n, line in enumerate(file.lines[:5], 1) if file.touched(n, n) and line), 1
            )
            yield Hit(_MARKED.id, file.path, Span(number, number), _MARKED.title)
        elif file.claim == "binary" and file.language in CODE:
            yield Hit(_BYTES.id, file.path, None, "Git takes this code for a binary file.")


DISGUISES = ChangeCheck("disguises", (_MARKED, _BYTES), _run)
