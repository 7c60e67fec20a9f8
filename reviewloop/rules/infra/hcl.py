"""Parses HCL and JSON into values: tolerant of mistakes, bounded in depth, linear in the text."""

import re
from dataclasses import dataclass

from reviewloop.regex import regex
from reviewloop.rules.infra.values import DEEPEST, UNKNOWN, Node

_WORDS = {"true": True, "false": False, "null": None}
_SEE_THROUGH = {"jsonencode", "toset", "tolist", "tomap", "sensitive", "nonsensitive", "tostring"}
_CLOSES = {"(": ")", "[": "]", "{": "}"}
RAW_LIMIT = 4000


# Tokens: strings with templates, heredocs and comments are single tokens

_TOKEN = regex(
    r"""(?P<space>[ \t\r\f\v\ufeff]+)|(?P<comment>\#[^\n]*|//[^\n]*|/\*)|(?P<newline>\n)
    |(?P<heredoc><<[-~]?"?[A-Za-z_][\w-]*"?[ \t\r]*(?=\n))|(?P<string>")
    |(?P<number>-?\d[\w.]*)|(?P<name>[A-Za-z_][\w-]*)|(?P<other>.)""",
    re.VERBOSE,
)
_PLAIN = regex(r'[^"\\\n$%{}]+')
_IN_TEMPLATE = regex(r"\\.|[$%]\{|[{}\"]", re.DOTALL)
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
    """The tokens of a text with one token of lookahead; strings, heredocs and comments are
    whole.
    """

    def __init__(self, text: str, line: int = 1, *, templates: bool = True) -> None:
        self.text, self.position, self.line = text, 0, line
        self.templates = templates
        self.broken_template = False
        self.token = self._next()

    def advance(self) -> Token:
        """Consume the current token and return it."""
        token = self.token
        self.token = self._next()
        return token

    def skip_newlines(self) -> None:
        """Skip all line ends before the next token."""
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
        """Return the end of the template that begins here, 0 if it is none or has no end."""
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


# Values


@dataclass(slots=True)
class Block:
    """One block: `type "label" "label" { body }`."""

    type: str
    labels: list[str]
    body: Node
    line: int
    end_line: int
    cut_off: bool = False  # the text ends inside the block


def read_blocks(text: str) -> list[Block]:
    """Return the top-level blocks of a Terraform file."""
    reader = _Reader(text)
    _, blocks = reader.body(0, top=True)
    return blocks


def read_json(text: str, line: int = 1, *, templates: bool = True) -> Node | None:
    """Parse a JSON text whose first line has the given number; None if it is not JSON at all.

    `templates`: whether `${...}` inside a string makes it unknown.
    """
    reader = _Reader(text, line, templates=templates)
    reader.skip_newlines()
    if reader.token.kind not in {"{", "["}:
        return None
    return reader.expression(0)


class _Reader(Tokens):
    last_line = 1
    cut_off = False  # the text ended before a block did

    # Bodies and expressions

    def body(self, depth: int, *, top: bool = False) -> tuple[Node, list[Block]]:
        """Parse attributes and blocks up to the closing brace, which is consumed as well."""
        entries: dict[str, Node] = {}
        blocks: list[Block] = []
        node = Node(entries, self.token.line, self.token.line)
        while self.token.kind != "end":
            token = self.advance()
            if token.kind == "}" and not top:
                self.last_line = token.line
                break
            if token.kind not in {"name", "string"}:
                continue
            if self.token.kind in {"=", ":"}:
                self.advance()
                self.skip_newlines()
                value = self.expression(depth + 1)
                value.line = token.line
                entries[token.text] = value
                continue
            labels: list[str] = []
            while self.token.kind in {"name", "string", "template"}:
                labels.append(self.advance().text)
            if self.token.kind == "{":
                block = self._block(token, labels, depth)
                blocks.append(block)
                if not top:
                    _nest(entries, block)
        else:
            self.cut_off = not top
        node.end_line = self.line if self.token.kind == "end" else self.last_line
        return node, blocks

    def _block(self, head: Token, labels: list[str], depth: int) -> Block:
        if depth >= DEEPEST:
            self._skip_group()
            inside = Node(UNKNOWN, head.line, self.last_line)
        else:
            self.advance()
            inside, _ = self.body(depth + 1)
        inside.line = head.line
        return Block(head.text, labels, inside, head.line, inside.end_line, self.cut_off)

    def expression(self, depth: int) -> Node:
        """Parse one value; anything but a plain literal, list or map is unknown."""
        first = self.token
        node = self._term(depth)
        if self.token.kind in {"newline", "end", ",", "}", "]", ")"}:
            return node
        if self.token.kind == ":" and first.kind in {"string", "template"}:
            return node
        self._skip_expression()
        return self._unknown(first)

    def _unknown(self, first: Token) -> Node:
        raw = self.text[first.start : min(self.token.start, first.start + RAW_LIMIT)].strip()
        return Node(UNKNOWN, first.line, max(first.end_line, first.line), raw)

    def _term(self, depth: int) -> Node:
        token = self.token
        if token.kind in {"[", "{", "("} and depth >= DEEPEST:
            self._skip_group()
            return self._unknown(token)
        if token.kind in {"}", "]", ")", ",", "newline", "end"}:
            return Node(None, token.line, token.line)
        self.advance()
        if token.kind in {"string", "template"}:
            value = token.text if token.kind == "string" else UNKNOWN
            raw = token.text[:RAW_LIMIT] if token.kind == "string" else token.text
            return Node(value, token.line, token.end_line, raw, inner_line=token.inner_line)
        if token.kind == "number":
            return Node(_number(token.text), token.line, token.line, token.text)
        if token.kind == "[":
            return self._list(token, depth)
        if token.kind == "{":
            return self._map(token, depth)
        if token.kind == "(":
            return self._group(depth)
        if token.kind == "name":
            if token.text in _WORDS and self.token.kind != "(":
                return Node(_WORDS[token.text], token.line, token.line, token.text)
            if token.text in _SEE_THROUGH and self.token.kind == "(":
                self.advance()
                return self._group(depth)
        self._skip_expression()
        return self._unknown(token)

    def _group(self, depth: int) -> Node:
        self.skip_newlines()
        inside = self.expression(depth + 1)
        self.skip_newlines()
        while self.token.kind not in {")", "end"}:
            inside = Node(UNKNOWN, inside.line, inside.end_line)
            self._skip_one()
        self.advance()
        return inside

    def _list(self, opening: Token, depth: int) -> Node:
        elements: list[Node] = []
        self.skip_newlines()
        if self.token.text == "for" and self.token.kind == "name":
            return self._comprehension(opening, "]")
        while self.token.kind not in {"]", "end"}:
            if self.token.kind in {",", "newline", "}", ")"}:
                self.advance()
                continue
            elements.append(self.expression(depth + 1))
        end = self.advance()
        self.last_line = end.line
        return Node(elements, opening.line, end.line)

    def _map(self, opening: Token, depth: int) -> Node:
        entries: dict[str, Node] = {}
        open_map = False
        self.skip_newlines()
        if self.token.text == "for" and self.token.kind == "name":
            return self._comprehension(opening, "}")
        while self.token.kind not in {"}", "end"}:
            key = self.advance()
            if key.kind in {",", "newline", "]", ")"}:
                continue
            if key.kind == "(":
                self._skip_to(")")
            if self.token.kind not in {"=", ":"}:
                open_map = True
                self._skip_expression()
                continue
            self.advance()
            self.skip_newlines()
            value = self.expression(depth + 1)
            if key.kind in {"name", "string", "number"}:
                value.line = key.line
                entries[key.text] = value
            else:
                open_map = True
        end = self.advance()
        self.last_line = end.line
        return Node(entries, opening.line, end.line, open=open_map)

    def _comprehension(self, opening: Token, close: str) -> Node:
        self._skip_to(close)
        return self._unknown(opening)

    # Skipping

    def _skip_expression(self) -> None:
        """Skip to the end of an expression at this level of brackets."""
        previous = ""
        while self.token.kind not in {",", "}", "]", ")", "end"}:
            if self.token.kind == "newline" and previous not in {"?", ":", "&", "|", "+", "."}:
                return
            previous = self.token.kind if self.token.kind != "newline" else previous
            self._skip_one()

    def _skip_one(self) -> None:
        if self.token.kind in _CLOSES:
            self._skip_group()
        else:
            self.advance()

    def _skip_group(self) -> None:
        self._skip_to(_CLOSES[self.advance().kind])

    def _skip_to(self, close: str) -> None:
        """Skip past the bracket that closes the group whose opening one was consumed."""
        closers = [close]
        while closers and self.token.kind != "end":
            kind = self.advance().kind
            if kind in _CLOSES:
                closers.append(_CLOSES[kind])
            elif kind in {")", "]", "}"} and kind in closers[-3:]:
                while closers.pop() != kind:
                    pass
        self.last_line = self.line


def _nest(entries: dict[str, Node], block: Block) -> None:
    """Add a nested block to the attributes: repeated ones become a list, dynamic ones unknown."""
    if block.type == "dynamic" and block.labels:
        entries[block.labels[0]] = Node(UNKNOWN, block.line, block.end_line, "dynamic")
        return
    before = entries.get(block.type)
    if before is not None and before.value is UNKNOWN:
        return
    if before is not None and isinstance(before.value, list):
        before.value.append(block.body)
        before.end_line = block.end_line
    else:
        entries[block.type] = Node([block.body], block.line, block.end_line)


def _number(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
