"""Read HCL and JSON into values: tolerant of mistakes, bounded in depth, linear in the text."""

from dataclasses import dataclass

from reviewloop.rules.infra.hcl_tokens import Token, Tokens
from reviewloop.rules.infra.values import DEEPEST, UNKNOWN, Node

_WORDS = {"true": True, "false": False, "null": None}
_SEE_THROUGH = {"jsonencode", "toset", "tolist", "tomap", "sensitive", "nonsensitive", "tostring"}
_CLOSES = {"(": ")", "[": "]", "{": "}"}
RAW_LIMIT = 4000


@dataclass(slots=True)
class Block:
    """One block: `type "label" "label" { body }`."""

    type: str
    labels: list[str]
    body: Node
    line: int
    end_line: int
    cut_off: bool = False  # the text ends before it does


def read_blocks(text: str) -> list[Block]:
    """Return the top-level blocks of a Terraform file."""
    reader = _Reader(text)
    _, blocks = reader.body(0, top=True)
    return blocks


def read_json(text: str, line: int = 1, *, templates: bool = True) -> Node | None:
    """Read a JSON text whose first line has the given number; None when it is no JSON at all.

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
        """Read attributes and blocks up to the closing brace, which is taken as well."""
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
        """Read one value; anything but a plain literal, list or map is unknown."""
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
        """Go on to what ends an expression at this level of brackets."""
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
        """Go behind the bracket that closes the group whose opening one was taken."""
        wanted = [close]
        while wanted and self.token.kind != "end":
            kind = self.advance().kind
            if kind in _CLOSES:
                wanted.append(_CLOSES[kind])
            elif kind in {")", "]", "}"} and kind in wanted[-3:]:
                while wanted.pop() != kind:
                    pass
        self.last_line = self.line


def _nest(entries: dict[str, Node], block: Block) -> None:
    """Put a nested block among the attributes: repeated ones are a list, dynamic ones unknown."""
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
