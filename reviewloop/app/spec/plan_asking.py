"""Asks a model about an implementation plan: to explain it, or to revise it.

Each question is one conversation with a record, journal and folder of its own, so the same question
is paid once.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.app.question import (
    ANSWER,
    About,
    Question,
    Quote,
    ask_once,
    check_quotes,
    locate_quote,
)
from reviewloop.app.sessions import SessionKind
from reviewloop.app.spec.plan import OpenedPlan, open_plan
from reviewloop.dataclass import dataclass
from reviewloop.llm.budget import Spent
from reviewloop.llm.messages import ToolSpec
from reviewloop.llm.routing import SPEC_AGENTS
from reviewloop.loop.conversation import Check
from reviewloop.regex import regex
from reviewloop.review.prompts import Fence
from reviewloop.specs.briefing import describe_spec
from reviewloop.specs.file_trees import tree_files, wrong_marks
from reviewloop.specs.plan_file import ANALYSIS, CONSIDERATIONS, FILES, STEPS, sections_of

KIND = SessionKind("spec-plans", "the plan", "reviewloop spec plan")
_OURS = frozenset({ANALYSIS, CONSIDERATIONS})  # facts, and the user's own section
_STEP = regex(r"^\d+[.)]\s+\S", re.MULTILINE)

_KNOWN_TASKS = "Name only tasks that the spec has; work that it lacks is a risk."
_NO_TASKS = (
    f"The spec has no tasks yet: below {STEPS} write numbered steps ('1. Title'), each one change "
    "with its test, the files and the ids of the requirements that it serves in a list below it. "
    "Under Dependencies say which waits for which: 'Task 3 depends on tasks 1-2'."
)
_PLAN = ToolSpec(
    name="write_document",
    description="Hand in the whole plan. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["document"],
        "properties": {"document": {"type": "string", "description": "the plan, in Markdown"}},
    },
)


@dataclass(frozen=True)
class Explanation:
    """An answer, the quotes found in the files, and how many were not found."""

    answer: str
    quotes: tuple[Quote, ...]
    dropped: int
    spent: Spent


@dataclass(frozen=True)
class RevisedPlan:
    """A revised plan; `changed` names the sections that differ."""

    opened: OpenedPlan
    text: str
    changed: tuple[str, ...]
    spent: Spent


def explain_plan(repository: Repository, name: str, question: Question) -> Explanation:
    """Return an answer about a plan whose quotes are found in the files.

    Raises `NoAnswerError` where none is found after one repair.
    """
    opened = open_plan(repository, name)

    own = (
        "A person asks about the plan above. Answer in a few sentences, from what stands in the "
        "plan, the spec and the repository, and quote the lines that show it: each with its path, "
        "copied exactly. What nothing shows you do not know; say so. Then call `answer`."
    )
    arguments, used = _ask(
        repository, opened, question, "explain", own, ANSWER, check_quotes(opened.read)
    )
    quotes = [locate_quote(one, opened.read) for one in arguments["quotes"]]
    held = tuple(one for one in quotes if one.line)
    return Explanation(str(arguments["answer"]).strip(), held, len(quotes) - len(held), used)


def revise_plan(repository: Repository, name: str, question: Question) -> RevisedPlan:
    """Return the plan with one more thing considered; write nothing.

    The analysis and the user's own section stay, and marks of files are corrected.
    """
    opened = open_plan(repository, name)
    names = [one for one in opened.sections if one not in _OURS]

    def check(arguments: Mapping[str, Any], _last: bool) -> str:
        there = sections_of(str(arguments.get("document") or ""))
        if missing := [one for one in names if one not in there]:
            return f"the plan has no section `## {missing[0]}`"
        if not opened.spec.tasks and not _STEP.search(there.get(STEPS, "")):
            return f"{STEPS} has no numbered step ('1. Title')"
        marked = tree_files(enumerate(there.get(FILES, "").split("\n"), 1))
        for _, reason in wrong_marks(marked, opened.paths):
            return reason
        return ""

    own = (
        "A person wants this considered in the plan above. Hand in the whole plan with the same "
        f"sections ({', '.join(names)}), changed where that asks for it and nowhere else. "
        f"{FILES} is a tree in a code block, where a file that is there is [MODIFY], any other "
        f"[NEW]. {_KNOWN_TASKS if opened.spec.tasks else _NO_TASKS} Then call `write_document`."
    )
    arguments, used = _ask(repository, opened, question, "plan", own, _PLAN, check)
    there = sections_of(str(arguments["document"]))
    changed = {one: there[one] for one in names if there[one] != opened.sections[one]}
    return RevisedPlan(opened, opened.with_sections(changed), tuple(changed), used)


def _ask(
    repository: Repository,
    opened: OpenedPlan,
    question: Question,
    step: str,
    own: str,
    ending: ToolSpec,
    check: Check,
) -> tuple[Mapping[str, Any], Spent]:
    def shared(fence: Fence) -> Sequence[str]:
        return (f"# The plan, {opened.path}\n\n{fence.wrap('plan', opened.text)}",)

    about = About(
        kind=KIND,
        doing="asking about a plan",
        needs=(
            "this needs a model; name one with --model provider:model (the plan alone needs none)"
        ),
        agent=SPEC_AGENTS[step],
        step=step,
        describe=lambda settings: describe_spec(
            opened.spec, budget_tokens=settings.limits.context_tokens
        ),
        shared=shared,
        own=own,
        facts=(opened.text,),
        spec_path=opened.spec.path,
    )
    return ask_once(repository, question, about, ending, check)
