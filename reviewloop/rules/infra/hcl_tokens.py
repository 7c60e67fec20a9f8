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
_IN_TEMPLATE = re.compile(r"\\.|[$%]\{|[{}\"]", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f"}


@dataclass(slots=True)
class Token:
    """One token; a string's text is its content."""

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

    def advance(self) -> Token:
        """Take the token that is looked at and return it."""
        token = self.token
        self.token = self._next()
        return token

    def skip_newlines(self) -> None:
        """Take all line ends up to the next token."""
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
        """Read a quoted string; it ends with its line unless a template holds the line's end."""
        text, position = self.text, start + 1
        parts: list[str] = []
        template = False
        while position < len(text):
            plain = _PLAIN.match(text, position)
            if plain:
                parts.append(plain.group())
                position = plain.end()
                continue
            sign, pair = text[position], text[position : position + 2]
            if sign in {'"', "\n"}:
                position += sign == '"'
                break
            if sign == "\\" and len(pair) == 2:
                parts.append(_ESCAPES.get(pair[1], pair))
                position += 2
                continue
            end = self._template_end(position) if pair in {"${", "%{"} else 0
            template = template or end > 0
            end = end or position + 1
            parts.append(text[position:end])
            position = end
        self.position = position
        self.line = line + text.count("\n", start, position)
        kind = "template" if template else "string"
        return Token(kind, "".join(parts), line, start, self.line, line)

    def _template_end(self, start: int) -> int:
        """Return where the template that begins here ends, 0 when it is none or has no end."""
        text = self.text
        if not self.templates or self.broken_template or text[start - 1] == text[start]:
            return 0
        open_signs = ["{"]
        for match in _IN_TEMPLATE.finditer(text, start + 2):
            sign = match.group()
            if open_signs[-1] == '"':
                if sign == '"':
                    open_signs.pop()
                elif sign in {"${", "%{"}:
                    open_signs.append("{")
            elif sign == "}":
                open_signs.pop()
                if not open_signs:
                    return match.end()
            elif sign[0] != "\\":
                open_signs.append('"' if sign == '"' else "{")
        self.broken_template = True  # from here on `${` is plain text: keeps the cost linear
        return 0
