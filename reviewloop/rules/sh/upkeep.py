"""Shell rules on odd file names, failures, and other shells."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewloop.rules.sh.source import Flaw, Script

if TYPE_CHECKING:
    pass


def find_goes_on_after_failure(script: Script) -> Iterator[Flaw]:
    """Find sh/goes-on-after-failure."""
    text = script.file.text
    commands = len(script.commands)
    if commands < 5 or script.strict or not text.startswith("#!"):
        return
    if re.search(r"\|\|\s*(?:exit|die|fail|return|\{)|trap\b", text):
        return
    yield Flaw((script.nodes("comment") or [script.commands[0][0]])[0])


def find_pipe_hides_failure(script: Script) -> Iterator[Flaw]:
    """Find sh/pipe-hides-failure."""
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
            yield Flaw(node)
            return


def find_cd_unchecked(script: Script) -> Iterator[Flaw]:
    """Find sh/cd-unchecked."""
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
            yield Flaw(node)


def find_sudo_in_script(script: Script) -> Iterator[Flaw]:
    """Find sh/sudo-in-script."""
    count = 0
    for node, command in script.commands:
        if "sudo" in command.wrappers:
            count += 1
            if count == 1:
                yield Flaw(node)


def find_programs_per_line(script: Script) -> Iterator[Flaw]:
    """Find a loop over lines that starts several programs to cut up each line."""
    for node in script.nodes("while_statement"):
        if not re.match(r"while\s+(?:IFS=\S*\s+)?read\b", node.text()):
            continue
        cuts = re.findall(r"\becho\s[^\n|]*\|\s*(?:cut|awk|sed|grep|tr)\b", node.text()[:10_000])
        if len(cuts) >= 2:
            yield Flaw(node)


def find_forced_push(script: Script) -> Iterator[Flaw]:
    """Find sh/forced-push."""
    for node, command in script.named("git"):
        lost = command.has("force", "f") and "pages" not in " ".join(command.words)[:2_000]
        if command.does("push") and lost:
            yield Flaw(node)
