"""Parses a command line into the programs that it starts, each with its words.

The text is parsed with a shell's grammar (tree-sitter's, which the rules use too); commands passed
to other programs (`sh -c`, `env`, `xargs`, `find -exec`, ...) are parsed recursively. What a
program does by itself, or reads from a file, is not seen.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cache
from itertools import product
from posixpath import basename
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

COMPUTED = "\0"  # replaces text in a word that is known only at run time
_FAR = regex("[\U00020000-\U0010ffff]")
_OPERAND = f"./{COMPUTED}"
_DEEPEST = 12
_MOST_WORDS = 4096  # words expanded from the braces of one


@dataclass(frozen=True)
class Started:
    """One program that is started; without words it cannot be determined beforehand."""

    words: tuple[str, ...] = ()
    unknown: str = ""  # why it cannot be determined
    upstream: tuple[str, ...] = ()  # programs whose output is its input
    changes: str = ""  # a variable set for it, or a file that its output is written to
    hands_on: bool = False  # it only starts the next one

    @property
    def program(self) -> str:
        """Its name without folders."""
        return basename(self.words[0]).lower() if self.words else ""


@dataclass(frozen=True)
class _Input:
    """The input of a command: `text` is None where it is known only at run time."""

    upstream: tuple[str, ...] = ()
    is_given: bool = False
    text: str | None = None


_NO_INPUT = _Input()


def started_by(command: str | Sequence[str]) -> Iterator[Started]:
    """Yield every program that a shell's line, or a list of program and arguments, starts."""
    if isinstance(command, str):
        yield from _script(command, _NO_INPUT, 0)
    else:
        yield from _program(Started(tuple(command)), _NO_INPUT, 0)


def for_bash(text: str) -> str:
    """Return text for bash's grammar, of the same length.

    Its lexer has a table for the first 256 characters; much higher ones crash the process.
    """
    return _FAR.sub("\u00bf", text)


def _script(text: str, given: _Input, depth: int) -> Iterator[Started]:
    from ast_grep_py import SgRoot

    if depth > _DEEPEST:
        yield Started(unknown="it is nested too deeply")
        return
    if COMPUTED in text:
        yield Started(unknown="what a shell is given to run is computed")
        return
    root = SgRoot(for_bash(text), "bash").root()
    if root.find(kind="ERROR") is not None:
        yield Started(unknown="it cannot be read as a command line")
    yield from _Script(root, depth).walk(root, given)


class _Script:
    """One text for a shell."""

    def __init__(self, root: Any, depth: int) -> None:
        self._depth = depth
        self._values: dict[str, list[str]] = {}  # variable -> all values that it is set to
        for node in root.find_all(kind="variable_assignment"):
            name, value = node.field("name"), node.field("value")
            if name is not None and name.text() not in self._values:
                self._values[name.text()] = []
            if name is not None:
                self._values[name.text()] += self._words(value) if value is not None else [""]
        for node in root.find_all(kind="for_statement"):
            name = node.field("variable")
            if name is not None:
                values = [w for one in node.field_children("value") for w in self._words(one)]
                self._values.setdefault(name.text(), []).extend(values)

    def walk(self, node: Any, given: _Input) -> Iterator[Started]:
        kind = node.kind()
        if kind == "pipeline":
            yield from self._pipeline(node.children(), given)
        elif kind == "redirected_statement":
            yield from self._redirected(node, given)
        elif kind == "variable_assignment":
            yield Started(changes=node.text())
            yield from self._inside(node)
        elif kind in {"command", "declaration_command", "unset_command"}:
            yield from self._command(node, given)
        else:
            for child in node.children():
                yield from self.walk(child, given)

    def _pipeline(self, nodes: Sequence[Any], given: _Input) -> Iterator[Started]:
        for node in nodes:
            if not node.is_named():
                continue
            found = [*self.walk(node, given)]
            yield from found
            given = _Input(
                (*given.upstream, *(one.program for one in found)), True, _output(found, given)
            )

    def _redirected(self, node: Any, given: _Input) -> Iterator[Started]:
        changes, after = "", []
        for redirect in node.field_children("redirect"):
            given = self._redirect(redirect, given)
            changes = changes or _written(redirect)
            after += [one for one in redirect.children() if one.kind() == "pipeline"]
        body = node.field("body")
        found = [] if body is None else [*self.walk(body, given)]
        for one in found:
            yield replace(one, changes=one.changes or changes)
        for redirect in node.field_children("redirect"):
            yield from self._inside(redirect)
        for pipeline in after:  # `cat <<END | sh`
            fed = _Input(tuple(one.program for one in found), True, _output(found, given))
            yield from self._pipeline(pipeline.children(), fed)

    def _redirect(self, node: Any, given: _Input) -> _Input:
        kind = node.kind()
        if kind == "heredoc_redirect":
            body = node.find(kind="heredoc_body")
            start = node.find(kind="heredoc_start")
            text = "" if body is None else body.text()
            quoted = start is not None and start.text()[:1] in {"'", '"', "\\"}
            plain = quoted or body is None or not body.children() or "$" not in text
            return replace(given, is_given=True, text=text if plain else None)
        if kind == "herestring_redirect":
            words = [w for one in node.children() if one.is_named() for w in self._words(one)]
            return replace(given, is_given=True, text=" ".join(words))
        if kind == "file_redirect" and node.text().lstrip("0123456789").startswith("<"):
            return replace(given, is_given=True, text=None)
        return given

    def _command(self, node: Any, given: _Input) -> Iterator[Started]:
        words: list[str] = []
        changes = ""
        for child in node.children():
            kind = child.kind()
            if kind == "variable_assignment":
                changes = child.text()
            elif kind.endswith("_redirect"):
                given = self._redirect(child, given)
                changes = changes or _written(child)
            elif kind == "command_name":
                words += [re.sub(r"[*?[]", COMPUTED, word) for word in self._words(child)]
            elif child.is_named() or kind in {"export", "declare", "local", "readonly", "unset"}:
                words += self._words(child)
        if words:
            started = Started(tuple(words), upstream=given.upstream, changes=changes)
            yield from _program(started, given, self._depth)
        yield from self._inside(node)

    def _inside(self, node: Any) -> Iterator[Started]:
        """Yield programs started inside a word: `$(...)`, backquotes, `<(...)`."""
        for child in node.children():
            if child.kind() in {"command_substitution", "process_substitution"}:
                for one in child.children():
                    yield from self.walk(one, _NO_INPUT)
            elif child.kind() != "pipeline":
                yield from self._inside(child)

    def _words(self, node: Any) -> list[str]:
        """Return the words that a shell expands one to: braces and known variables give several."""
        return [_as_shell(text) for text in _braces(self._pieces(node))]

    def _pieces(self, node: Any) -> list[str]:
        """Return the texts that a node can expand to; quoted characters are marked."""
        kind, text = node.kind(), node.text()
        if kind == "raw_string":
            return [_quoted(text[1:-1])]
        if kind == "ansi_c_string":
            return [_quoted(_decoded(text[2:-1]))]
        if kind in {"string", "translated_string"}:
            return self._joined(node, is_quoted=True)
        if kind == "string_content":
            return [_quoted(re.sub(r'\\([$`"\\])|\\\n', lambda m: m[1] or "", text))]
        if kind in {"simple_expansion", "expansion"}:
            return self._values_of(text)
        if kind in {"concatenation", "command_name"}:
            return self._joined(node, is_quoted=False)
        if kind in {"command_substitution", "process_substitution", "arithmetic_expansion"}:
            return [COMPUTED]
        return [_unescaped(text)]

    def _joined(self, node: Any, *, is_quoted: bool) -> list[str]:
        parts = [self._pieces(one) for one in node.children() if one.kind() not in {'"', "$"}]
        texts = ["".join(some) for some in _some(product(*parts))]
        if is_quoted and _IS_VARIABLE(node.text()):
            # One environment variable in quotes is one operand: a file, for example.
            return [_OPERAND if text == COMPUTED else text for text in texts]
        return texts

    def _values_of(self, text: str) -> list[str]:
        name = text.removeprefix("$").strip("{}")
        return self._values.get(name) or [COMPUTED]


_IS_VARIABLE = regex(r'"\$[A-Za-z_]\w*"').fullmatch


def _some(values: Iterator[Any]) -> Iterator[Any]:
    for _, value in zip(range(_MOST_WORDS), values, strict=False):
        yield value


# Quoted characters have no meaning in braces and patterns: they are moved to a private plane.
_PRIVATE = {ord(char): chr(0xF0000 + ord(char)) for char in "{},*?["}
_PUBLIC = {ord(private): chr(plain) for plain, private in _PRIVATE.items()}


def _quoted(text: str) -> str:
    return text.translate(_PRIVATE)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)|\\\n", lambda m: _quoted(m[1] or ""), text)


def _as_shell(text: str) -> str:
    if any(char in text for char in "*?[") and (text.startswith("-") or "/" not in text):
        # A pattern expands to names of files, which may be an option or a program.
        text = re.sub(r"[*?]|\[[^\]]*\]?", COMPUTED, text)
    return text.translate(_PUBLIC)


def _braces(texts: Sequence[str]) -> list[str]:
    done: list[str] = []
    todo = [*texts][::-1]
    while todo and len(done) < _MOST_WORDS:
        text = todo.pop()
        found = re.search(r"\{([^{}]*,[^{}]*)\}", text)
        if found is None:
            done.append(re.sub(r"\{\w+\.\.\w+(\.\.\d+)?\}", COMPUTED, text))
            continue
        before, after = text[: found.start()], text[found.end() :]
        todo += [f"{before}{one}{after}" for one in reversed(found[1].split(","))]
    return done


_HEX = "[0-9a-fA-F]"
_ESCAPE = regex(rf"\\(x{_HEX}{{1,2}}|u{_HEX}{{1,4}}|U{_HEX}{{1,8}}|[0-7]{{1,3}}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}


def _decoded(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "xuU" and len(code) > 1:
            return chr(min(int(code[1:], 16), 0x10FFFF))
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return _SIMPLE.get(code, code)

    return _ESCAPE.sub(one, text)


def _written(node: Any) -> str:
    """Return a redirection that writes a file, "" for any other."""
    text = str(node.text())
    if node.kind() != "file_redirect" or not re.match(r"\d*(&?>|<>)", text):
        return ""
    return "" if re.search(r">&\s*[\d-]+$|>\s*/dev/null$", text) else text


def _output(found: Sequence[Started], given: _Input) -> str | None:
    """Return the output of these programs, where it is known without running them."""
    if len(found) != 1 or any(COMPUTED in word for word in found[0].words):
        return None
    program, words = found[0].program, found[0].words[1:]
    if program == "cat" and not [word for word in words if word != "-"]:
        return given.text
    if program == "echo":
        return _decoded(" ".join(word for word in words if not re.fullmatch("-[neE]+", word)))
    if program == "printf" and words and "%" not in words[0].replace("%s", "").replace("%b", ""):
        return _decoded(re.sub("%[sb]", " ", words[0]) + " " + " ".join(words[1:]))
    return None


_SHELLS = frozenset(["sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "fish"])


@dataclass(frozen=True)
class _Wrapper:
    """A program that starts the one after it."""

    operands: int = 0  # of its own, before the command
    flags: str = ""  # letters of options without a value
    is_plain: bool = False  # without an effect on what it starts
    words: tuple[str, ...] = field(default=())  # that make it a wrapper: `uv run`


@cache
def _wrappers() -> Mapping[str, tuple[_Wrapper, ...]]:
    table: dict[str, tuple[_Wrapper, ...]] = {
        "env": (_Wrapper(flags="iv0", is_plain=True),),
        "xargs": (_Wrapper(flags="0rtpxo"),),
        "sudo": (_Wrapper(flags="AbEeHKknPSsVvilN"),),
        "doas": (_Wrapper(flags="Lns"),),
        "timeout": (_Wrapper(operands=1, flags="fpv", is_plain=True),),
        "gtimeout": (_Wrapper(operands=1, flags="fpv", is_plain=True),),
        "time": (_Wrapper(flags="apqvV", is_plain=True),),
        "command": (_Wrapper(flags="pvV", is_plain=True),),
        "nice": (_Wrapper(flags="0123456789", is_plain=True),),
        "chroot": (_Wrapper(operands=1),),
        "flock": (_Wrapper(operands=1, flags="snueoxF"),),
        "taskset": (_Wrapper(operands=1, flags="a"),),
        "chrt": (_Wrapper(operands=1, flags="abfior"),),
        "ssh": (_Wrapper(operands=1, flags="46AaCfGgKkMNnqsTtVvXxYy"),),
        "watch": (_Wrapper(flags="bcdegtwx"),),
        "uv": (_Wrapper(words=("run",)), _Wrapper(words=("tool", "run"))),
        "npm": (_Wrapper(words=("exec",)), _Wrapper(words=("x",))),
        "bundle": (_Wrapper(words=("exec",)),),
    }
    plain = "nohup setsid stdbuf ionice builtin exec caffeinate chronic unbuffer"
    table |= {name: (_Wrapper(is_plain=True),) for name in plain.split()}
    other = "busybox toybox unshare strace ltrace parallel setpriv systemd-run runuser su script"
    table |= {name: (_Wrapper(),) for name in other.split()}
    runs = "poetry pipenv hatch pdm rye pixi rtx mise"
    table |= {name: (_Wrapper(words=("run",)), _Wrapper(words=("exec",))) for name in runs.split()}
    execs = "pnpm yarn"
    table |= {name: (_Wrapper(words=("exec",)), _Wrapper(words=("dlx",))) for name in execs.split()}
    return table


_EXECS = {
    "find": ("-exec", "-execdir", "-ok", "-okdir"),
    "fd": ("-x", "-X", "--exec", "--exec-batch"),
}
_TAKE_A_SCRIPT = frozenset({"su", "runuser", "script", "flock", "watch", "parallel"})


def _program(started: Started, given: _Input, depth: int) -> Iterator[Started]:
    """Yield a program, and the programs that it is given to start."""
    if depth > _DEEPEST:
        yield Started(unknown="it is nested too deeply")
        return
    if not started.words[0].strip() or COMPUTED in started.words[0]:
        yield Started(started.words[1:], unknown="its program is computed")
        return
    inner = [*_inner_commands(started, given, depth + 1)]
    program = started.program
    wrappers = _wrappers().get(program, ())
    plain = program in _SHELLS or program == "eval" or any(one.is_plain for one in wrappers)
    yield replace(started, hands_on=bool(inner) and plain)
    for one in inner:
        changes = one.changes or started.changes
        yield replace(one, changes=changes, upstream=one.upstream or started.upstream)


def _inner_commands(started: Started, given: _Input, depth: int) -> Iterator[Started]:
    program, words = started.program, started.words[1:]
    if program in _SHELLS:
        yield from _shell(words, given, depth)
    elif program == "eval":
        yield from _script(" ".join(words), given, depth)
    elif program in {"source", "."} and words and _is_input(words[0]):
        yield Started(unknown="what a shell is given to run is computed")
    elif program == "alias":
        for word in words:
            yield from _script(word.partition("=")[2], given, depth)
    elif program == "trap":
        yield from _script(words[0] if words else "", given, depth)
    elif program in _EXECS:
        yield from _executed(_EXECS[program], words, given, depth)
    for wrapper in _wrappers().get(program, ()):
        yield from _wrapped(program, wrapper, words, given, depth)


def _is_input(word: str) -> bool:
    return COMPUTED in word or word in {"-", "/dev/stdin", "/proc/self/fd/0", "/dev/fd/0"}


def _shell(words: Sequence[str], given: _Input, depth: int) -> Iterator[Started]:
    takes_script = False
    rest = [*words]
    while rest and rest[0][:1] in {"-", "+"} and rest[0] not in {"-", "--"}:
        option = rest.pop(0)
        takes_script |= not option.startswith("--") and "c" in option
        if option[-1] in "oO" or option in {"--rcfile", "--init-file"}:
            rest = rest[1:]
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if takes_script:
        yield from _script(rest[0], given, depth) if rest else ()
    elif rest and not _is_input(rest[0]):
        return  # a file, whose content is not parsed
    elif rest and COMPUTED in rest[0]:
        yield Started(unknown="what a shell is given to run is computed")
    elif given.is_given or rest:
        if given.text is None:
            yield Started(unknown="a shell runs what it is fed", upstream=given.upstream)
        else:
            yield from _script(given.text, _NO_INPUT, depth)


def _executed(
    options: Sequence[str], words: Sequence[str], given: _Input, depth: int
) -> Iterator[Started]:
    for at, word in enumerate(words):
        if word in options:
            behind = words[at + 1 :]
            ends = [i for i, one in enumerate(behind) if one in {";", "+", "\\;"}]
            inner = tuple(behind[: ends[0]] if ends else behind)
            if inner:
                yield from _program(Started(inner, upstream=given.upstream), given, depth)


def _wrapped(
    name: str, wrapper: _Wrapper, words: Sequence[str], given: _Input, depth: int
) -> Iterator[Started]:
    if wrapper.words:
        operands = [(at, word) for at, word in enumerate(words) if not word.startswith("-")]
        if tuple(word for _, word in operands[: len(wrapper.words)]) != wrapper.words:
            return
        words = words[operands[len(wrapper.words) - 1][0] + 1 :]
    fed = _fed_words(given.text or "") if name == "xargs" else []
    changes, behind_option = "", False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        script, behind = _script_of(name, word, words[at:])
        if script is not None:
            words_behind = behind if name == "env" else ()
            yield from _script(" ".join((script, *words_behind)), given, depth)
            if name == "env":
                return
        if word.startswith("-") and word != "-":
            behind_option = _takes_a_value(word, wrapper.flags)
            continue
        if re.match(r"[A-Za-z_]\w*=", word) and name in {"env", "sudo", "doas"}:
            changes = word
            continue
        inner = (*words[at - 1 + wrapper.operands :], *fed)
        if inner:
            one = Started(inner, upstream=given.upstream, changes=changes)
            if name == "ssh" or (name == "watch" and len(inner) == 1):
                yield from _script(" ".join(inner), given, depth)
            else:
                yield from _program(one, given, depth)
        if not behind_option:
            return
        behind_option = False  # it may be the value of the option before it


def _fed_words(text: str) -> list[str]:
    """Return the arguments that xargs makes of its input, with quotes."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _takes_a_value(option: str, flags: str) -> bool:
    """Return whether the word after an option may belong to it."""
    if option.startswith("--"):
        return option != "--" and "=" not in option
    is_attached = len(option) > 2 and option[1] not in flags
    return not is_attached and option[-1] not in flags


def _script_of(name: str, option: str, behind: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """Return the script that an option gives a shell, and the remaining words: `su -c "..."`, `env
    -S`.
    """
    letter, long = ("S", "--split-string") if name == "env" else ("c", "--command")
    if name != "env" and name not in _TAKE_A_SCRIPT:
        return None, ()
    if option.startswith(f"{long}="):
        return option.partition("=")[2], behind
    if option == long or re.fullmatch(rf"-[a-zA-Z]*{letter}", option):
        return (behind[0], behind[1:]) if behind else (None, ())
    if name == "env" and option.startswith("-S"):
        return option[2:], behind
    return None, ()
