"""The documentation pages of our rules, drawn from the rules themselves."""

from collections.abc import Iterable

from reviewloop.analysis.book import own_rules
from reviewloop.analysis.contract import PathClass, Rule
from reviewloop.analysis.placing import speaks_in, warns_in_examples
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.analysis.rule_pages import anchor, page_file
from reviewloop.domain.finding import Severity
from reviewloop.domain.hidden_characters import show_hidden

_FENCES = {
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "tsx": "tsx",
    "go": "go",
    "sh": "bash",
    "tf": "hcl",
    "yml": "yaml",
    "yaml": "yaml",
    "json": "json",
    "toml": "toml",
}


def pages() -> dict[str, str]:
    """Return file name -> Markdown text: one page for each family of rules, and an index."""
    families: dict[str, list[Rule]] = {}
    for rule in own_rules():
        families.setdefault(page_file(rule.id), []).append(rule)
    texts = {file: _page(file, rules) for file, rules in sorted(families.items())}
    texts["README.md"] = _index(families)
    return texts


def _index(families: dict[str, list[Rule]]) -> str:
    lines = [
        "# Rules of our own",
        "",
        "Every rule with its reviewer and severity; the pages say why, what to do and where the",
        "fact is from, with code that is found and code that is not. `reviewloop explain RULE`",
        "shows the same in the terminal. Rules of other people's tools are explained by their",
        "makers; `reviewloop explain ruff/S608` gives the link.",
        "",
        "These pages are written by `python docs/write_rules.py`.",
        "",
    ]
    for file, rules in sorted(families.items()):
        lines += [
            f"## [{file.removesuffix('.md')}]({file})",
            "",
            "| rule | severity | reviewer | what |",
        ]
        lines.append("|---|---|---|---|")
        for rule in sorted(rules, key=lambda r: r.id):
            lines.append(
                f"| [{rule.id}]({file}#{anchor(rule.id)}) "
                f"| {rule.severity.mark} {rule.severity.label} "
                f"| {rule.reviewer.removeprefix('review-')} | {_cell(rule.title)} |"
            )
        lines.append("")
    return "\n".join(lines)


def _page(file: str, rules: Iterable[Rule]) -> str:
    lines = [f"# Rules: {file.removesuffix('.md')}", "", "[All rules](README.md)", ""]
    for rule in sorted(rules, key=lambda r: r.id):
        lines += [f'<a id="{anchor(rule.id)}"></a>', "", f"## {rule.id}", ""]
        lines += [f"{rule.severity.mark} {rule.severity.label} · {rule.reviewer}", ""]
        lines += [f"**{rule.title}**", "", f"Why: {rule.why}", "", f"What to do: {rule.fix}", ""]
        if rule.source:
            lines += [f"Source: {rule.source}", ""]
        lines += [f"Speaks about: {_classes(rule)}.", ""]
        found, left_alone = read_examples(rule)
        for title, examples in (("Found", found), ("Not found", left_alone)):
            for block in (block for example in examples for block in example):
                lines += [f"{title}, in `{block.path}`:", "", *_code(block), ""]
    return "\n".join(lines)


def _classes(rule: Rule) -> str:
    words = {
        PathClass.PRODUCT: "product code",
        PathClass.TEST: "tests",
        PathClass.EXAMPLE: "examples and documentation",
        PathClass.FIXTURE: "test data",
    }
    classes = ", ".join(word for kind, word in words.items() if speaks_in(rule, kind))
    if not warns_in_examples(rule):
        return classes
    mark = Severity.SHOULD_FIX.mark
    return (
        f"{classes}; what is {Severity.MUST_FIX.mark} there is {mark} in {words[PathClass.EXAMPLE]}"
    )


def _code(example: CodeBlock) -> list[str]:
    suffix = example.path.rsplit(".", 1)[-1]
    fence = "`" * max(3, _longest_run(example.code) + 1)
    # A page about hidden text must hide none itself.
    shown = show_hidden(example.code.strip("\n"))
    return [f"{fence}{_FENCES.get(suffix, '')}", shown, fence]


def _longest_run(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
