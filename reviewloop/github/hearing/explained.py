"""What `/reviewloop explain` answers: why a finding was made, its rule, and how to dismiss it."""

from collections.abc import Mapping, Sequence

from reviewloop.analysis.book import rule_of
from reviewloop.analysis.contract import Rule
from reviewloop.analysis.rule_files import CodeBlock
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.comments.bodies import headline, remark_parts
from reviewloop.github.comments.untrusted import code, sanitised, sanitised_line, unmarked
from reviewloop.render.code_view import visible
from reviewloop.render.review_words import who
from reviewloop.render.rules import URL, explained_at, laid_out
from reviewloop.render.untrusted import fenced, language, link

_MOST_QUOTED = 20  # lines


def explained(
    name: str, entry: Mapping[str, object], finding: Finding | None, told: str = ""
) -> str:
    """Return the answer as Markdown.

    `entry` is what is remembered of the finding, `finding` what its comment holds, if anything,
    `told` what the summary says of it (`naming.told_in`).
    """
    rule = rule_of(finding.rule if finding else str(entry.get("by", "")))
    parts = [headline(finding) if finding else _unknown(entry, rule, told)]
    parts.append(_place(name, entry, finding))
    if finding:
        if finding.quote:
            parts.append(_quoted(finding))
        parts += remark_parts(finding)
    if rule:
        parts += _rule_parts(rule, finding)
    parts.append(_way_out(name, rule))
    return "\n\n".join(parts)


def status_words(entry: Mapping[str, object]) -> str:
    """Return what became of a finding, in words."""
    status = str(entry.get("status", "open"))
    return "open, told in the summary" if status == "reported" else status


def _unknown(entry: Mapping[str, object], rule: Rule | None, told: str) -> str:
    severity = Severity(str(entry.get("severity", Severity.SHOULD_FIX)))
    title = sanitised_line(rule.title) if rule else "the summary says what this finding is"
    title = told or title
    return f"{severity.mark} **{severity.label}** · {title}"


def _place(name: str, entry: Mapping[str, object], finding: Finding | None) -> str:
    where = finding.where if finding else str(entry.get("path", ""))
    by = who(finding) if finding else str(entry.get("by", "")).replace(",", ", ")
    parts = [code(visible(where))] if where else []
    parts += [f"found by {sanitised_line(by)}"] if by else []
    status, reason = status_words(entry), str(entry.get("reason", ""))
    if status == "dismissed" and reason:
        status += f" ({sanitised_line(reason)})"
    return " · ".join([code(name), *parts, status])


def _quoted(finding: Finding) -> str:
    lines = finding.quote.rstrip("\n").split("\n")
    shown = [unmarked(visible(line)) for line in lines[:_MOST_QUOTED]]
    shown += ["…"] if len(lines) > _MOST_QUOTED else []
    return fenced(shown, language(finding.path))


def _rule_parts(rule: Rule, finding: Finding | None) -> list[str]:
    said = {finding.why, finding.suggestion} if finding else set()
    page = explained_at(rule)
    title = link(rule.id, page) if page else code(rule.id)
    parts = [f"**Rule** {title}: {sanitised_line(rule.title)}"]
    for label, text in (("Why", rule.why), ("What to do", rule.fix)):
        if text and text not in said:
            parts.append(f"**{label}:** {sanitised(text)}")
    parts += [f"**Source:** {_sourced(rule.source)}"] if rule.source else []
    found, left_alone = read_examples(rule)
    parts += _example("what it finds", found) + _example("what it leaves alone", left_alone)
    return parts


def _sourced(source: str) -> str:
    """Return the source with its addresses to click on: the rule book is ours."""
    words = [sanitised_line(piece) for piece in URL.split(source)]
    links = [f"<{found}>" for found in URL.findall(source)]
    pairs = zip(words, [*links, ""], strict=True)
    return " ".join(each for pair in pairs for each in pair if each)


def _example(label: str, examples: Sequence[Sequence[CodeBlock]]) -> list[str]:
    return [
        f"The rule's own example of {label}{' before the change' if block.base else ''}, "
        "not your code:\n\n"
        + fenced((unmarked(visible(line)) for line in laid_out(block.code)), language(block.path))
        for block in (examples[0] if examples else ())
    ]


def _way_out(name: str, rule: Rule | None) -> str:
    ways = [f"`/reviewloop dismiss {name}` and the reason (or, in its thread, without the id)"]
    if rule and rule.hard:
        held = "The repository's comments and settings do not silence what a change adds of this"
        return f"**Not a problem here?** {ways[0]}. {held}."
    if rule:
        ways.append(f"a comment `reviewloop: ignore[{rule.id}]` with the reason at the line")
        ways.append(f'`"{rule.id}" = "off"` below `[rules]` in `reviewloop.toml`')
    return "**Not a problem here?** " + "; ".join(ways) + "."
