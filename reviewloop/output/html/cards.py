"""One finding as a card of the page."""

from collections.abc import Sequence

from reviewloop.analysis.contract import Rule
from reviewloop.findings import Finding, Placement
from reviewloop.output.code_view import CodeLine, excerpt, line_range, visible
from reviewloop.output.figures import counted
from reviewloop.output.html.markup import (
    attributes,
    code_piece,
    code_words,
    joined,
    link,
    path_words,
    prose,
    shortened,
    words,
)
from reviewloop.output.review_words import PLACEMENT_NOTES, Rules, remarks, short_id
from reviewloop.output.rule_links import rule_link, source_link

_LONGEST_FIX = 60


def card(finding: Finding, anchor: str, rules: Rules, lines: Sequence[str], *, code: bool) -> str:
    """Return the card; with `code`, the lines it is about stand inside (no diff shows them)."""
    opening = attributes(
        class_=f"finding {finding.severity}",
        id=anchor,
        tabindex="-1",
        data_severity=str(finding.severity),
        data_agents=" ".join(finding.agents),
        data_path=path_words(finding.path),
        aria_labelledby=f"{anchor}-title",
    )
    return joined(
        (
            f"<article{opening}>",
            _head(finding, anchor, rules),
            _placement(finding),
            _code(finding, lines) if code else "",
            _remarks(finding),
            _replacement(finding, lines),
            _rule_help(rules(finding.rule) if finding.rule else None),
            _commands(finding),
            "</article>",
        )
    )


def _head(finding: Finding, anchor: str, rules: Rules) -> str:
    severity = f'<span class="severity">{finding.severity.label}</span>'
    rule = ""
    if finding.rule:
        named = f"<code>{words(finding.rule)}</code>"
        rule = f'<span class="rule">{link(named, rule_link(finding, rules))}</span>'
    agents = "".join(f'<span class="agent">{words(agent)}</span>' for agent in finding.agents)
    sure = f"<span>{words(finding.confidence)} confidence</span>" if finding.confidence else ""
    place = path_words(finding.path) or "the change as a whole"
    if finding.line is not None and finding.placement is not Placement.UNANCHORED:
        place += f":{finding.line}"
        place += f":{finding.column}" if finding.column else ""
    return (
        f'<header>{severity}<h3 id="{anchor}-title">{words(finding.title)}</h3>{rule}</header>\n'
        f'<p class="by"><a class="place" href="#{anchor}">{place}</a>{agents}{sure}</p>'
    )


def _placement(finding: Finding) -> str:
    note = PLACEMENT_NOTES.get(finding.placement)
    return f'<p class="aside">{words(note)}</p>' if note else ""


def _code(finding: Finding, lines: Sequence[str]) -> str:
    shown = excerpt(finding, lines)
    if shown:
        rows = "\n".join(map(_code_row, shown))
        return f'<table class="diff alone"><tbody>\n{rows}\n</tbody></table>'
    if not finding.quote.strip():
        return ""
    quoted = "\n".join(visible(line[:500]) for line in finding.quote.split("\n")[:20])
    return f"<pre>{code_words(quoted)}</pre>"


def _code_row(line: CodeLine) -> str:
    if line.left_out:
        left = counted(line.left_out, "line")
        return f'<tr class="fold"><td colspan="2">{left} left out</td></tr>'
    kind = "" if line.inside else ' class="near"'
    return f'<tr{kind}><td data-n="{line.number}"></td><td>{code_piece(line.piece)}</td></tr>'


def _remarks(finding: Finding) -> str:
    told = remarks(finding)
    if not told:
        return ""
    rows = "".join(f"<dt>{label}</dt><dd>{prose(text)}</dd>" for label, text in told)
    return f"<dl>{rows}</dl>"


def _replacement(finding: Finding, lines: Sequence[str]) -> str:
    if finding.replacement is None:
        return ""
    span = line_range(finding, len(lines))
    old = list(lines[span[0] - 1 : span[1]]) if span else []
    new = finding.replacement.removesuffix("\n").split("\n") if finding.replacement else []
    rows = []
    for name, sign, texts in (("del", "−", old), ("ins", "+", new)):
        for text in texts[:_LONGEST_FIX]:
            shown = code_words(shortened(visible(text.removesuffix("\r"))))
            rows.append(f"<{name}>{sign} {shown}</{name}>")
        if len(texts) > _LONGEST_FIX:
            rows.append(f"… {counted(len(texts) - _LONGEST_FIX, 'more line')}")
    label = "A safe fix" if finding.fix_safe else "A fix, to be checked"
    return (
        f'<figure><figcaption>{label}</figcaption><pre class="fix">{"".join(rows)}</pre></figure>'
    )


def _commands(finding: Finding) -> str:
    ident = words(short_id(finding))
    return (
        f'<p class="by commands"><code>reviewloop explain {ident}</code> '
        f"<code>reviewloop dismiss {ident} -m REASON</code></p>"
    )


def _rule_help(rule: Rule | None) -> str:
    if rule is None:
        return ""
    parts = [("about", rule.title), ("why", rule.why), ("fix", rule.fix)]
    rows = "".join(f"<dt>{label}</dt><dd>{prose(text)}</dd>" for label, text in parts if text)
    if rule.source:
        source = words(rule.source.removeprefix("https://"))
        rows += f"<dt>source</dt><dd>{link(source, source_link(rule))}</dd>"
    summary = f"About the rule <code>{words(rule.id)}</code>"
    return f'<details class="help"><summary>{summary}</summary><dl>{rows}</dl></details>'
