"""Tokens of HCL and JSON: strings with templates, heredocs and comments taken whole."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v\ufeff]+)|(?P<comment>\#[^\n]*|//[^\n]*|/\*)|(?P<newline>\n)
    |(?P<heredoc><<[-~]?"?[A-Za-z_][\w-]*"?[ \t\r]*(?=\n))|(?P<string>")
    |(?P<number>-?\d[\w.]*)|(?P<name>[A-Za-z_][\w-]*)|(?P<other>.)""",
    re.VERBOSE,
)
_PLAIN = re.compile(r'[^"\\\n$%{}]+')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f"}


@dataclass(slots=True)
class Token:
    kind: str  # "newline", "name", "number", "string", "template", "end" or the sign itself
    text: str
    line: int
    start: int
    end_line: int
    inner_line: int = 0


class Tokens:
    """The tokens of a text, one looked at ahead; strings, heredocs and comments are whole."""

    def __init__(self, text: str, line: int = 1, *, templates: bool = True) -> None:
        self.text, self.position, self.line = text, 0, line
        self.templates = templates
        self.broken_template = False
        self.token = self._next()

    # Tokens

    def advance(self) -> Token:
        token = self.token
        self.token = self._next()
        return token

    def skip_newlines(self) -> None:
        while self.token.kind == "newline":
            self.advance()

    def _next(self) -> Token:
        while True:
            start, line = self.position, self.line
            match = _TOKEN.match(self.text, start)
            if match is None:
                return Token("end", "", line, start, line)
            self.position = match.end()
            kind, word = match.lastgroup or "other", match.group()
            if kind == "comment" and word == "/*":
                close = self.text.find("*/", self.position)
                self.position = len(self.text) if close < 0 else close + 2
                self.line += self.text.count("\n", start, self.position)
            elif kind == "newline":
                self.line += 1
                return Token("newline", word, line, start, line)
            elif kind == "heredoc":
                return self._heredoc(word, start, line)
            elif kind == "string":
                return self._string(start, line)
            elif kind == "other":
                return Token(word, word, line, start, line)
            elif kind not in {"space", "comment"}:
                return Token(kind, word, line, start, line)

    def _heredoc(self, word: str, start: int, line: int) -> Token:
        marker = re.escape(word.strip().lstrip("<-~").strip('"'))
        begin = self.position + 1
        close = re.compile(rf"^[ \t]*{marker}[ \t\r]*$", re.MULTILINE).search(self.text, begin)
        content = self.text[begin : close.start() if close else len(self.text)]
        self.position = close.end() if close else len(self.text)
        self.line += self.text.count("\n", start, self.position)
        kind = "template" if "${" in content or "%{" in content else "string"
        return Token(kind, content, line, start, self.line, line + 1)

    def _string(self, start: int, line: int) -> Token:
        """Read a quoted string; `${` and `%{` may hold strings that hold templates in turn."""
        text, position = self.text, start + 1
        parts: list[str] = []
        stack = ["string"]
        template = False
        while position < len(text):
            plain = _PLAIN.match(text, position)
            if plain:
                parts.append(plain.group())
                position = plain.end()
                continue
            sign, pair = text[position], text[position : position + 2]
            if sign == "\\" and len(pair) == 2:
                parts.append(_ESCAPES.get(pair[1], pair) if len(stack) == 1 else pair)
                position += 2
                continue
            if stack[-1] == "string":
                if pair in {"${", "%{"} and self.templates and not self.broken_template:
                    escaped = text[position - 1] == pair[0]
                    template = template or not escaped
                    if not escaped:
                        stack.append("template")
                        parts.append(pair)
                        position += 2
                        continue
                elif sign == "\n":  # quoted strings end with their line
                    break
                elif sign == '"':
                    stack.pop()
                    if not stack:
                        position += 1
                        break
            elif sign == "{":
                stack.append("template")
            elif sign == "}":
                stack.pop()
            elif sign == '"':
                stack.append("string")
            parts.append(sign)
            position += 1
        if position >= len(text) and len(stack) > 1:
            self.broken_template = True  # from here on `${` is plain text: keeps the cost linear
            return self._string(start, line)
        self.position = position
        self.line = line + text.count("\n", start, position)
        kind = "template" if template else "string"
        return Token(kind, "".join(parts), line, start, self.line, line)
