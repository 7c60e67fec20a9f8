"""Python: work that grows faster than the data."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Pattern, Source, key, nodes_of
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.py.syntax import (
    argument,
    arguments,
    call_name,
    fixed_text,
    function_around,
    in_loop,
    loop_names,
    receiver,
    row,
    uses,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_WIKI = "https://wiki.python.org/moin/TimeComplexity"
_PANDAS = "https://pandas.pydata.org/docs/user_guide/enhancingperf.html"
_FRAME = Regex(r"(?:^|_)(?:df|frame|dataframe|data|result|results|out|all)\w*$", re.IGNORECASE)


def _assigned(name: str, node: "SgNode", source: Source) -> "list[SgNode]":
    """Return the values a variable is given in the function around a node."""
    around = function_around(node, source) or source.root
    place = ("py assigned", key(around))
    known: dict[str, list[SgNode]] | None = source.memo.get(place)
    if known is None:
        found: dict[str, list[SgNode]] = {}
        for assignment in nodes_of(around, ("assignment",)):
            left, right = assignment.field("left"), assignment.field("right")
            if left is not None and right is not None and left.kind() == "identifier":
                found.setdefault(left.text(), []).append(right)
        source.memo[place] = known = found
    return known.get(name, [])


def _joined(node: "SgNode", source: Source) -> "SgNode | None":
    left, right, sign = node.field("left"), node.field("right"), node.field("operator")
    if left is None or right is None or left.kind() != "identifier" or sign is None:
        return None
    loop = in_loop(node, source)
    values = _assigned(left.text(), node, source)
    in_text = any(value.text() in {'""', "''"} for value in values)
    if sign.text() != "+=" or loop is None or not in_text:
        return None
    inside = loop.range()
    if any(inside.start.index < v.range().start.index < inside.end.index for v in values):
        return None
    told = source.memo.setdefault(("py joined", key(loop), left.text()), node)
    return node if told is node else None  # once per loop and variable


def _is_list(name: str, node: "SgNode", source: Source) -> bool:
    values = _assigned(name, node, source)
    return bool(values) and all(
        v.kind() in {"list", "list_comprehension"}
        or (v.kind() == "call" and call_name(v) in {"list", "sorted"})
        for v in values
    )


def _looked_up(node: "SgNode", source: Source) -> "SgNode | None":
    """Find `if x not in seen` in a loop that appends to the list `seen`."""
    parts = node.named_children()
    signs = [child.text() for child in node.children() if not child.is_named()]
    if len(parts) != 2 or parts[1].kind() != "identifier" or "in" not in " ".join(signs).split():
        return None
    name = parts[1].text()
    loop = in_loop(node, source)
    if loop is None or f"{name}.append(" not in loop.text():
        return None
    return node if _is_list(name, node, source) else None


def _front(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    wanted = 2 if call_name(node) == "insert" else 1
    if first is None or first.text() != "0" or len(arguments(node)) != wanted:
        return None
    name = receiver(node)
    if in_loop(node, source) is None or name in {"sys.path", "args", "argv", "parts", "path"}:
        return None
    return node if _is_list(name, node, source) else None


def _compiled(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) != "re" or not fixed_text(argument(node, 0)):
        return None
    return node if in_loop(node, source) is not None else None


def _copied(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) not in {"", "copy"}:
        return None
    loop, first = in_loop(node, source), argument(node, 0)
    if loop is None or first is None or loop.kind() != "for_statement":
        return None
    return None if uses(first, loop_names(loop)) else node


def _frame_grown(node: "SgNode", source: Source) -> "SgNode | None":
    of, name = receiver(node), call_name(node)
    if in_loop(node, source) is None:
        return None
    first = argument(node, 0)
    if first is None:
        return None
    if name == "concat":
        parts = first.named_children() if first.kind() == "list" else []
        target = node.parent()
        left = (
            target.field("left") if target is not None and target.kind() == "assignment" else None
        )
        same = left is not None and any(part.text() == left.text() for part in parts)
        return node if of in {"pd", "pandas"} and same else None
    if name == "append" and of in {"np", "numpy"}:
        return node
    given = node.field("arguments")
    frame = given is not None and "ignore_index" in given.text()
    return node if name == "append" and frame and _FRAME.search(of) else None


def _rows(node: "SgNode", source: Source) -> "SgNode | None":
    parent = node.parent()
    return (
        node if parent is not None and parent.kind() in {"for_statement", "for_in_clause"} else None
    )


def _counted(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if receiver(node) or first is None or first.kind() != "call":
        return None
    inner = first
    if call_name(first) == "list" and not receiver(first):
        inner = argument(first, 0) or first
    text = inner.text()
    query = re.match(r"[A-Z]\w*\.objects\.", text) and re.search(
        r"\.(?:all|filter|exclude)\([^)]*\)$", text
    )
    alchemy = re.search(r"[sS]ession\.query\(.*\.all\(\)$", text)
    return node if query or alchemy else None


def _all_rows(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if receiver(node) or first is None:
        return None
    return node if re.fullmatch(r"[A-Z]\w*\.objects\.all\(\)", first.text()) else None


PATTERNS = (
    Pattern(
        row(
            "text-joined-in-loop",
            NIT,
            source="https://docs.python.org/3/faq/programming.html#what-is-the-most-efficient-way-to"
            "-concatenate-many-strings-together",
            title="A text is extended in every round.",
            why="Each time all of it may be copied.",
            fix="Collect the parts in a list and join them once.",
            bad='def f(xs):\n    out = ""\n    for x in xs:\n        out += str(x)\n    return out',
            good='def f(xs):\n    return "".join(map(str, xs))\n---\n'
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n",
        ),
        _joined,
        kinds=("augmented_assignment",),
        hints=("+=",),
    ),
    Pattern(
        row(
            "list-searched-in-loop",
            NIT,
            source=_WIKI,
            title="A growing list is searched in every round.",
            why="Ten times the elements take a hundred times as long.",
            fix="Use a set beside it, or dict.fromkeys.",
            bad="def f(xs):\n    seen = []\n    for x in xs:\n        if x not in seen:\n"
            "            seen.append(x)\n    return seen",
            good="def f(xs):\n    seen = set()\n    for x in xs:\n        if x not in seen:\n"
            "            seen.add(x)\n    return seen",
        ),
        _looked_up,
        kinds=("comparison_operator",),
        hints=(".append(",),
    ),
    Pattern(
        row(
            "list-front-in-loop",
            NIT,
            source=_WIKI,
            title="A list is changed at its front in every round.",
            why="Each time all other elements are moved.",
            fix="Use collections.deque.",
            bad="def f(xs):\n    todo = [1]\n    while todo:\n        visit(todo.pop(0))",
            good="def f(xs):\n    todo = [1]\n    while todo:\n        visit(todo.pop())\n---\n"
            "def f(argv):\n    argv = list(argv)\n    argv.pop(0)",
        ),
        _front,
        calls=("pop", "insert"),
    ),
    Pattern(
        row(
            "regex-in-loop",
            NIT,
            source="https://docs.python.org/3/library/re.html#re.compile",
            title="The same regular expression is compiled in every round.",
            why="Even a look into the cache costs more than a variable.",
            fix="Compile it once, ahead of the loop or in the module.",
            bad='for line in lines:\n    if re.compile("^a").match(line):\n        f(line)',
            good='a = re.compile("^a")\nfor line in lines:\n    re.compile(line)',
        ),
        _compiled,
        calls=("compile",),
        hints=("re.compile",),
    ),
    Pattern(
        row(
            "deepcopy-in-loop",
            NIT,
            source="https://docs.python.org/3/library/copy.html",
            title="The same object is copied deeply in every round.",
            why="A deep copy walks through everything it can reach.",
            fix="Build what differs, or copy the one level that changes.",
            bad="for x in xs:\n    out.append(run(copy.deepcopy(defaults), x))",
            good="for x in xs:\n    out.append(run({**defaults, 'x': x}))",
        ),
        _copied,
        calls=("deepcopy",),
    ),
    Pattern(
        row(
            "frame-grown-in-loop",
            SHOULD,
            source="https://pandas.pydata.org/docs/reference/api/pandas.concat.html",
            title="A table is extended in every round.",
            why="Each time all of it is copied: ten times the rows take a hundred times as long.",
            fix="Collect the parts in a list, and make the table once.",
            bad="for p in parts:\n    df = pd.concat([df, read(p)])\n---\n"
            "for p in parts:\n    df = df.append(p, ignore_index=True)",
            good="df = pd.concat([read(p) for p in parts])\n---\nfor p in parts:\n"
            "    out.append(p)",
        ),
        _frame_grown,
        calls=("concat", "append"),
        hints=("pandas", "numpy", "pd.", "np.", "ignore_index"),
    ),
    Pattern(
        row(
            "rows-one-by-one",
            NIT,
            source=_PANDAS,
            title="A table is walked row by row.",
            why="Every row becomes an object; the same work on columns is a hundred times faster.",
            fix="Work on columns, or use itertuples.",
            bad="for i, r in df.iterrows():\n    f(r)",
            good="for r in df.itertuples():\n    f(r)",
        ),
        _rows,
        calls=("iterrows",),
    ),
    Pattern(
        row(
            "rows-fetched-to-count",
            SHOULD,
            source="https://docs.djangoproject.com/en/stable/ref/models/querysets/#count",
            title="All rows are fetched to count them.",
            why="The database can count without sending them.",
            fix="Use count().",
            bad="n = len(User.objects.filter(a=1))\n---\nn = len(session.query(User).all())",
            good="n = User.objects.filter(a=1).count()\n---\nn = len(users)",
        ),
        _counted,
        calls=("len",),
        hints=(".objects", "ession"),
    ),
    Pattern(
        row(
            "all-rows-in-memory",
            NIT,
            source="https://docs.djangoproject.com/en/stable/ref/models/querysets/#iterator",
            title="A whole table is read into memory.",
            why="The table grows; the memory does not.",
            fix="Page through it, or use iterator().",
            bad="users = list(User.objects.all())",
            good="users = list(User.objects.all()[:50])",
        ),
        _all_rows,
        calls=("list",),
        hints=(".objects.all()",),
    ),
)
