"""Pairs of small projects: a flow through functions and files is found, its harmless twin is not.

A pair begins with `## title => rule`, a file with `@ path`. Lines that begin with `-` are only
in the vulnerable project, those with `+` only in its twin. ` !` after the rule says that it is
missed today, ` ?` that its twin is flagged.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from reviewloop.analysis.contract import SourceFile, Tree
from reviewloop.analysis.languages import language_of
from reviewloop.analysis.rule_book import file_checks
from reviewloop.domain.finding import Severity

FOLDER = Path(__file__).parent
MOST_MISSED, MOST_FALSE = 6, 2  # of 40
_HEAD = re.compile(r"(.+?) => ([\w-]+)( !)?( \?)?$")


class Pair(NamedTuple):
    title: str
    rule: str
    missed: bool
    flagged: bool
    vulnerable: dict[str, str]
    twin: dict[str, str]


def pairs(language: str, folder: Path = FOLDER) -> list[Pair]:
    found = []
    for part in ("\n" + (folder / f"{language}.txt").read_text("utf-8")).split("\n## ")[1:]:
        head, _, body = part.partition("\n")
        match = _HEAD.match(head)
        assert match, head
        files = [text.partition("\n")[::2] for text in ("\n" + body).split("\n@ ")[1:]]
        versions = [
            {
                path: "\n".join(
                    line[1:] if line[:1] == mark else line
                    for line in text.split("\n")
                    if line[:1] not in {"-", "+"} or line[:1] == mark
                )
                for path, text in files
            }
            for mark in "-+"
        ]
        found.append(Pair(match[1], match[2], bool(match[3]), bool(match[4]), *versions))
    return found


def flows(files: dict[str, str]) -> set[str]:
    """Return the rules of what is told about flows when all files are new."""
    sources = [
        SourceFile(path, text, ((1, 999),), language_of(path, text), status="A")
        for path, text in files.items()
    ]
    tree = Tree(files.get, lambda: frozenset(files))
    told = set()
    for check in file_checks():
        mine = [source for source in sources if check.understands(source)]
        run = check.across(tree, mine) if check.across is not None else check.run
        rules = {rule.id: rule for rule in check.rules}
        for source in mine:
            for hit in run(source):
                if check.across is not None:
                    told.add(hit.rule.partition("/")[2])
                # A pattern of one file may warn of text that is not fixed; red it is sure, too.
                elif (hit.severity or rules[hit.rule].severity) is Severity.MUST_FIX:
                    told.add(f"{hit.rule} by pattern")
    return told


LANGUAGES = sorted(file.stem for file in FOLDER.glob("*.txt"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_flows_through_functions_and_files_are_found(language: str) -> None:
    all_pairs = pairs(language)
    missed = {pair.title for pair in all_pairs if pair.rule not in flows(pair.vulnerable)}

    assert len(all_pairs) == 40
    assert missed == {pair.title for pair in all_pairs if pair.missed}
    assert len(missed) <= MOST_MISSED


@pytest.mark.parametrize("language", LANGUAGES)
def test_harmless_twins_are_left_alone(language: str) -> None:
    all_pairs = pairs(language)
    flagged = {pair.title for pair in all_pairs if flows(pair.twin)}

    assert flagged == {pair.title for pair in all_pairs if pair.flagged}
    assert len(flagged) <= MOST_FALSE


@pytest.mark.parametrize("language", LANGUAGES)
def test_checks_count_when_they_let_only_good_values_through(language: str) -> None:
    checked = pairs(language, FOLDER / "checked")

    assert [pair.title for pair in checked if pair.rule not in flows(pair.vulnerable)] == []
    assert [pair.title for pair in checked if flows(pair.twin)] == []
