"""Shell scripts: what breaks on odd names, on failures, or on other shells."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import INFRASTRUCTURE, MAINTAINABILITY, NIT, PERFORMANCE, SHOULD
from reviewloop.rules.sh.source import Script, ShellRule, Spot, row

if TYPE_CHECKING:
    pass

_CHECK = "https://www.shellcheck.net/wiki/"
_row = partial(row, reviewer=MAINTAINABILITY)


def _goes_on(script: Script) -> Iterator[Spot]:
    text = script.file.text
    commands = len(script.commands)
    if commands < 5 or script.strict or not text.startswith("#!"):
        return
    if re.search(r"\|\|\s*(?:exit|die|fail|return|\{)|trap\b", text):
        return
    yield Spot((script.nodes("comment") or [script.commands[0][0]])[0])


def _pipes(script: Script) -> Iterator[Spot]:
    if "pipefail" in script.file.text or not re.match(r"#!.*\bbash\b", script.file.text):
        return
    if not script.strict:
        return
    for node in script.nodes("pipeline"):
        first = node.named_children()[:1]
        name = first[0].text().split()[:1] if first else []
        if name and name[0] in {
            "curl",
            "wget",
            "tar",
            "gunzip",
            "pg_dump",
            "mysqldump",
            "kubectl",
            "aws",
        }:
            yield Spot(node)
            return


def _changed_folder(script: Script) -> Iterator[Spot]:
    if script.strict:
        return
    for node, command in script.named("cd", "pushd"):
        if not command.words or command.words[0] in {"-", "/", "~", ".."}:
            continue
        parent = node.parent()
        alone = parent is not None and parent.kind() in {
            "program",
            "compound_statement",
            "do_group",
            "if_statement",
        }
        if alone and node.next() is not None:
            yield Spot(node)


def _sudo(script: Script) -> Iterator[Spot]:
    count = 0
    for node, command in script.commands:
        if "sudo" in command.wrappers:
            count += 1
            if count == 1:
                yield Spot(node)


def _spawning(script: Script) -> Iterator[Spot]:
    """Find a loop over lines that starts several programs to cut up each line."""
    for node in script.nodes("while_statement"):
        if not re.match(r"while\s+(?:IFS=\S*\s+)?read\b", node.text()):
            continue
        cuts = re.findall(r"\becho\s[^\n|]*\|\s*(?:cut|awk|sed|grep|tr)\b", node.text()[:10_000])
        if len(cuts) >= 2:
            yield Spot(node)


def _forced(script: Script) -> Iterator[Spot]:
    for node, command in script.named("git"):
        lost = command.has("force", "f") and "pages" not in " ".join(command.words)[:2_000]
        if command.does("push") and lost:
            yield Spot(node)


PATTERNS = (
    ShellRule(
        _row(
            "goes-on-after-failure",
            severity=NIT,
            source="https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#set",
            title="The script goes on when a command fails.",
            why="What follows then works on something half done.",
            fix="Start with `set -euo pipefail`.",
            bad="#!/bin/bash\nmake\nmake install\ncp a b\ncp c d\nrm e",
            good="#!/bin/bash\nset -euo pipefail\nmake\nmake install\ncp a b\ncp c d\nrm e",
        ),
        _goes_on,
        ("#!",),
    ),
    ShellRule(
        _row(
            "pipe-hides-failure",
            severity=NIT,
            source="https://www.gnu.org/software/bash/manual/bash.html#Pipelines",
            title="When the first command of this pipe fails, the script goes on.",
            why="Only the last command's result counts, so half a download looks like success.",
            fix="Add `set -o pipefail`.",
            bad="#!/bin/bash\nset -e\ncurl -fsS https://a.b/c | tar -xz",
            good="#!/bin/bash\nset -eo pipefail\ncurl -fsS https://a.b/c | tar -xz",
        ),
        _pipes,
        ("|",),
    ),
    ShellRule(
        _row(
            "cd-unchecked",
            severity=SHOULD,
            source=_CHECK + "SC2164",
            title="If cd fails, the rest runs in the wrong folder.",
            why="What follows may delete or overwrite files where it was started.",
            fix="Write `cd ... || exit 1`.",
            bad='cd "$DIR"\nrm -f *.log',
            good='cd "$DIR" || exit 1\nrm -f *.log\n---\nset -e\ncd "$DIR"\nrm -f *.log\n---\n'
            'cd "$DIR" && rm -f *.log',
        ),
        _changed_folder,
        ("cd ", "pushd "),
    ),
    ShellRule(
        row(
            "sudo-in-script",
            INFRASTRUCTURE,
            NIT,
            "CWE-250",
            title="The script asks for root by itself.",
            why="It stops for a password where nobody can type one, and hides what needs rights.",
            fix="Say at the top that it must be run as root, or leave that to the caller.",
            bad="sudo apt-get install -y curl",
            good="apt-get install -y sudo",
        ),
        _sudo,
        ("sudo",),
    ),
    ShellRule(
        row(
            "programs-per-line",
            PERFORMANCE,
            NIT,
            "https://www.gnu.org/software/bash/manual/bash.html#Shell-Parameter-Expansion",
            title="Several programs are started for every line.",
            why="Starting them takes a hundred times longer than their work.",
            fix="Let one awk read the file, or split the line with read and expansions.",
            bad='while read -r l; do a=$(echo "$l" | cut -d: -f1); b=$(echo "$l" | awk "{print}"); '
            "done < f",
            good='while IFS=: read -r a b; do echo "$a"; done < f',
        ),
        _spawning,
        ("while",),
    ),
    ShellRule(
        _row(
            "forced-push",
            severity=NIT,
            source="https://git-scm.com/docs/git-push#Documentation/git-push.txt---force",
            category="data-loss",
            title="The push overwrites what others have pushed in the meantime.",
            why="Their commits are gone from the branch, and nobody is told.",
            fix="Use --force-with-lease, which refuses when the branch has moved.",
            bad="git push --force origin main\n---\ngit push -f origin main",
            good="git push --force-with-lease origin main\n---\ngit push --force origin gh-pages\n"
            "---\ngit fetch --force",
        ),
        _forced,
        ("push",),
    ),
)
