"""Which files the fix of one finding may change; everything else is refused and reported.

The text of a finding may hold instructions ("also delete the workflow"): what it may do is decided
by where it stands, never by what it says.
"""

from collections.abc import Callable
from posixpath import dirname

from reviewloop.context import RunContext
from reviewloop.findings import Finding
from reviewloop.guards.base import is_test_file
from reviewloop.state import LoopState
from reviewloop.steps.book import read_findings
from reviewloop.tools.answers import shown_name
from reviewloop.tools.policy import is_protected, protected_files_named_in
from reviewloop.workspace.protected import folded

_STEERS_TESTS = {"conftest.py", "__init__.py"}


def scope_of(finding: Finding, tree: str, context: RunContext) -> Callable[[str], str]:
    """Return what says why a path is outside of the finding's fix, or an empty string.

    Inside are the finding's own file, the files that the change touches already, new files beside
    the finding's own, and new test files. A test that exists is inside only if the finding is in
    it: made to pass, it would prove nothing.
    """
    reader = context.private.reader(tree)
    own = folded(finding.path)
    touched = {folded(path) for path in context.change(context.base_tree, tree).paths}

    def refusal(path: str) -> str:
        name, is_new = shown_name(path), reader.entry(path) is None
        if folded(path) == own:
            return ""
        if is_test_file(path):
            if is_new and path.rpartition("/")[2] not in _STEERS_TESTS:
                return ""
            return (
                f"{name} is a test and the finding is not in it, so a fix may not change it; add "
                "what is to be tested in a new test file"
            )
        if folded(path) in touched or (is_new and dirname(path) == dirname(finding.path)):
            return ""
        return (
            f"{name} is not what the finding is about, nor part of the change; fix the finding in "
            f"{shown_name(finding.path) or 'the files of the change'}, and mention in your summary "
            "what else should change"
        )

    return refusal


def scope_of_repair(state: LoopState, context: RunContext) -> Callable[[str], str] | None:
    """Return the same for a repair after fixes that are all of the change, None for other repairs.

    A task's repair may change what the task needs. Where a person asked for fixes and nothing
    else, it stays with the files that one of the fixes may change.
    """
    if state.get("mode") != "fix" or state.get("cycle", 0):
        return None
    known = read_findings(state, context.blobs)
    scopes = [scope_of(known[ident], state["tree"], context) for ident in state["fixed"]]

    def refusal(path: str) -> str:
        reasons = [scope(path) for scope in scopes]
        return "" if not all(reasons) else reasons[0]

    return refusal


def only_a_person(finding: Finding, context: RunContext) -> str:
    """Return why no agent is asked to fix this: its file is protected and no task names it."""
    named = {folded(path) for path in protected_files_named_in(context.brief.task)}
    if not is_protected(finding.path) or folded(finding.path) in named:
        return ""
    return "needs a person: its file steers tools or people's machines, and no task names it"
