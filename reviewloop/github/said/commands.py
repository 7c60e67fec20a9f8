"""Commands in comments: `/reviewloop VERB …` on the first line that is no quotation.

So is `reviewloop: dismiss reason`, which our comments ask to be replied.

A comment chooses a verb, a finding and words of a reason, nothing else: whatever looks like an
option, a setting or an address is refused, so that no comment changes a key, a model or an address.
"""

import difflib
import re
from dataclasses import dataclass
from typing import Literal, get_args

from reviewloop.github.api.errors import shown
from reviewloop.github.comments.bodies import code

Verb = Literal[
    "review", "full-review", "explain", "dismiss", "reopen", "fix", "pause", "resume", "help"
]
VERBS: tuple[str, ...] = get_args(Verb)
HANDED_ON = ("review", "full-review", "fix")
"""What other jobs of the workflow do, which have what it takes."""

ALL = "all"
SHORTEST_ID = 6
_MOST_LINE = 1000  # characters of a command
MOST_REASON = 120
_COMMAND = re.compile(r" {0,3}/reviewloop(?:[ \t]+(.*))?", re.IGNORECASE)
_REPLY = re.compile(
    r"reviewloop(?:[ \t]{0,4}(:)[ \t]{0,4}|[ \t]{1,4})dismiss(?:[ \t]{0,4}:)?(?:[ \t]+(.*))?",
    re.IGNORECASE,
)
_ALIASES = {"undismiss": "reopen"}
_ID = re.compile(rf"[0-9a-f]{{{SHORTEST_ID},12}}")
# Telephones make a dash of two hyphens.
_OPTION = re.compile(r"[-–—]{1,2}\w|\w[\w.\-]*[=:]\S|\w+://|www\.", re.IGNORECASE)
_NO_OPTIONS = (
    "a command takes no options, keys, models or addresses: those are set in the workflow and in "
    "the settings of the base branch"
)
_ID_WORDS = (
    "the id of a finding stands at the end of its comment; at least its first "
    f"{SHORTEST_ID} characters are needed"
)

HELP = """\
| comment | what happens |
|---|---|
| `/reviewloop review` | what is new is reviewed, also of a draft or while reviews are paused |
| `/reviewloop full-review` | the whole change is read again, although nothing is new |
| `/reviewloop explain ID` | why a finding was made, the rule behind it, how to dismiss it |
| `/reviewloop dismiss ID reason` | the finding stays dismissed, with your name and the reason |
| `/reviewloop reopen ID` | a dismissal is taken back |
| `/reviewloop fix ID`, `/reviewloop fix all` | a reviewed commit that fixes it, on the branch |
| `/reviewloop pause`, `/reviewloop resume` | pushes are not reviewed; are reviewed again |
| `/reviewloop help` | this list |

`ID` is at the end of each finding's comment, its first 6 characters are enough; in a reply in the
thread of a finding it may be left out. Commands take write permission on the repository."""


@dataclass(frozen=True)
class Command:
    """What a comment asks for.

    `finding` is the beginning of an id as it was typed, `all`, or "". Where a thread may mean its
    own finding, `words` is everything after the verb: its first word need not be an id.
    """

    verb: Verb
    finding: str = ""
    reason: str = ""
    words: str = ""


@dataclass(frozen=True)
class Wrong:
    """A command that cannot be obeyed; the sentence says why and what to write instead."""

    sentence: str


def parse(body: str, *, in_thread: bool = False) -> Command | Wrong | None:
    """Return what a comment asks for; None when it is no command to us.

    In a thread a dismissal is also understood without its colon.
    """
    line = _first_line(body)
    if (words := reply_words(line, strict=not in_thread)) is not None and len(line) <= _MOST_LINE:
        return _with_words("dismiss", " ".join(words.split()))
    match = _COMMAND.fullmatch(line)
    if not match:
        return None
    if len(line) > _MOST_LINE:
        return Wrong(f"the command is longer than {_MOST_LINE} characters")
    verb, _, rest = " ".join((match[1] or "help").split()).partition(" ")
    verb = _ALIASES.get(verb.lower(), verb.lower()) or "help"
    if verb not in VERBS:
        return Wrong(_NO_OPTIONS if _OPTION.match(verb) else _unknown(verb))
    first = rest.partition(" ")[0]
    # The words of a reason are only kept, so they may say what they like.
    smuggled = [first] if verb == "dismiss" else rest.split(" ")
    if verb == "dismiss" and _ID.fullmatch(_bare(first)):
        smuggled.append(rest.partition(" ")[2].partition(" ")[0])
    if any(_OPTION.match(word) for word in smuggled):
        return Wrong(_NO_OPTIONS)
    return _with_words(verb, rest)


def _with_words(verb: str, rest: str) -> Command | Wrong:
    first, _, more = rest.partition(" ")
    ident = _bare(first)
    if verb == "dismiss":
        named = bool(_ID.fullmatch(ident))
        reason = more if named else rest
        return Command("dismiss", ident if named else "", _reason(reason), _reason(rest))
    if verb in {"explain", "reopen", "fix"}:
        good = not ident or _ID.fullmatch(ident) or (verb == "fix" and ident == ALL)
        if more or not good:
            either = " or `all`" if verb == "fix" else ""
            return Wrong(f"`{verb}` takes the id of one finding{either}: {_ID_WORDS}")
    elif rest:
        return Wrong(f"`{verb}` takes nothing after it")
    return next(Command(each, ident) for each in get_args(Verb) if each == verb)


def reply_words(line: str, *, strict: bool = False) -> str | None:
    """Return what follows in a line `reviewloop: dismiss …`, None for any other line.

    Unless it is `strict`, the colon may be missing, or stand behind.
    """
    match = _REPLY.fullmatch(line)
    return None if match is None or (strict and not match[1]) else match[2] or ""


def named_in(words: str) -> str:
    """Return the id that words begin with, "" for none and for a word that only looks like one."""
    ident = _bare(words.partition(" ")[0])
    return ident if _ID.fullmatch(ident) and not ident.isalpha() else ""


def _first_line(body: str) -> str:
    """Return the first line that is neither empty nor a quotation; of code it is the fence."""
    lines = (line.rstrip() for line in lines_of(body))
    return next((line for line in lines if line and not line.lstrip().startswith(">")), "")


def lines_of(body: str) -> list[str]:
    """Return the lines as GitHub shows them.

    `str.splitlines` breaks at more, which stays inside the line when somebody quotes it: the rest
    of what a stranger wrote would become a command of whoever quotes.
    """
    return re.split(r"\r\n|[\r\n]", body)


def _bare(word: str) -> str:
    return word.strip("`'\"#.,:").lower()


def _reason(text: str) -> str:
    return shown(text, MOST_REASON)


def _unknown(verb: str) -> str:
    near = difflib.get_close_matches(verb, [*VERBS, *_ALIASES], n=1, cutoff=0.5)
    meant = f". Did you mean `/reviewloop {near[0]}`?" if near else ""
    return f"there is no command {code(shown(verb, 40))}{meant}"
