"""JavaScript: what pages and browsers are told to trust."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js, tsx
from reviewloop.rules.js.request_input import tainted, value_of
from reviewloop.rules.js.syntax import (
    FUNCTIONS,
    argument,
    call_name,
    glued,
    literal,
    plain,
    receiver,
    text_of,
)
from reviewloop.rules.lazy_regex import Regex

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_JQUERY = ("html", "append", "prepend", "after", "before", "replaceWith")
_CLEAN = Regex(
    r"saniti[sz]e|purify|escape|encode|trustedtypes|createhtml|rendertostring|tosafe|safehtml"
    r"|i18n|\bt\(|marked|markdown|highlight|prettif|\.innerhtml|\.outerhtml|svg|icon",
    re.IGNORECASE,
)


def _unsafe_html(value: "SgNode", source: Source) -> Found | None:
    value = value_of(plain(value), source)
    if literal(value) or value.kind() in FUNCTIONS:
        return None
    if tainted(value, source, browser=True):
        return Found(value, severity=MUST)
    text = value.text()
    if len(text) > 20_000 or _CLEAN.search(text):
        return None
    return Found(value)


def _assigned_html(node: "SgNode", source: Source) -> Found | None:
    left, right = node.field("left"), node.field("right")
    if left is None or right is None or left.kind() != "member_expression":
        return None
    name = left.field("property")
    if name is None or name.text() not in {"innerHTML", "outerHTML", "srcdoc"}:
        return None
    found = _unsafe_html(right, source)
    return Found(node, severity=found.severity) if found else None


def _written_html(node: "SgNode", source: Source) -> Found | None:
    name, of = call_name(node), receiver(node)
    if name in _JQUERY:
        return _jquery_html(node, source) if re.match(r"jQuery\b|\$", of) else None
    if name in {"write", "writeln"}:
        if of not in {"document", "window.document"}:
            return None
        value = argument(node, 0)
    else:
        value = argument(node, 1)
    found = _unsafe_html(value, source) if value is not None else None
    return Found(node, severity=found.severity) if found else None


def _jquery_html(node: "SgNode", source: Source) -> Found | None:
    value = argument(node, 0)
    if value is None:
        return None
    if tainted(value, source, browser=True):
        return Found(node, severity=MUST)
    parts = glued(value)
    markup = parts is not None and "<" in parts[0] and not _CLEAN.search(value.text()[:20_000])
    return Found(node) if markup else None


def _react_html(node: "SgNode", source: Source) -> Found | None:
    name = node.named_children()[:1]
    if not name or name[0].text() != "dangerouslySetInnerHTML":
        return None
    for inner in node.find_all(kind="pair"):
        key, value = inner.field("key"), inner.field("value")
        if key is not None and value is not None and key.text().strip("'\"") == "__html":
            found = _unsafe_html(value, source)
            return Found(node, severity=found.severity) if found else None
    return None


def _new_window(node: "SgNode", source: Source) -> "SgNode | None":
    names = {}
    for child in node.named_children():
        if child.kind() == "jsx_attribute":
            parts = child.named_children()
            names[parts[0].text()] = parts[1].text().strip("\"'{}") if parts[1:] else ""
        elif child.kind() == "jsx_expression":
            return None
    if names.get("target") != "_blank" or "href" not in names:
        return None
    if re.search(r"noopener|noreferrer", names.get("rel", "")) or "rel" in names:
        return None
    outside = names["href"].startswith(("http", "//")) or not names["href"].startswith(("/", "#"))
    return node if outside else None


def _message(node: "SgNode", source: Source) -> "SgNode | None":
    target = argument(node, 1)
    return target if text_of(target) == "*" else None


def _listener(node: "SgNode", source: Source) -> "SgNode | None":
    if receiver(node) not in {"window", "globalThis"} or text_of(argument(node, 0)) != "message":
        return None
    heard = argument(node, 1)
    if heard is None or heard.kind() not in FUNCTIONS:
        return None
    text = heard.text()
    return None if re.search(r"origin|\.source\b", text) or ".data" not in text else node


def _trusted(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    return node if first is not None and not literal(first) else None


PATTERNS = (
    Pattern(
        Rule(
            "js/html-assigned",
            SECURITY,
            SHOULD,
            "Text that can vary is set as HTML.",
            why="Markup in the text becomes part of the page, scripts in attributes included.",
            fix="Use textContent, build elements, or sanitise the HTML first.",
            category="xss",
            source="CWE-79",
            bad=js("box.innerHTML = '<b>' + name + '</b>';", "box.innerHTML = html;"),
            good=js(
                "box.innerHTML = '';",
                "box.textContent = name;",
                "box.innerHTML = DOMPurify.sanitize(html);",
            ),
        ),
        _assigned_html,
        kinds=("assignment_expression", "augmented_assignment_expression"),
        hints=("innerHTML", "outerHTML", "srcdoc"),
    ),
    Pattern(
        Rule(
            "js/html-written",
            SECURITY,
            SHOULD,
            "Changing text is written into the page as HTML.",
            why="Markup in the text becomes part of the page, scripts included.",
            fix="Build elements and set their textContent, or sanitise the HTML first.",
            category="xss",
            source="CWE-79",
            bad=js(
                "document.write('<b>' + name);",
                "el.insertAdjacentHTML('beforeend', html);",
                "$('#a').append('<li>' + name + '</li>');",
            ),
            good=js("document.write('<b>x</b>');", "stream.write(name);", "$('#a').append(row);"),
        ),
        _written_html,
        calls=("write", "writeln", "insertAdjacentHTML", *_JQUERY),
        hints=("document.write", "insertAdjacentHTML", "$(", "jQuery("),
    ),
    Pattern(
        Rule(
            "js/react-html",
            SECURITY,
            SHOULD,
            "Changing text is rendered as HTML.",
            why="React escapes text; this switches that off for whatever the value holds.",
            fix="Render the text as a child, or sanitise the HTML first.",
            category="xss",
            source="CWE-79",
            bad=tsx("const a = <p dangerouslySetInnerHTML={{__html: props.text}} />;"),
            good=tsx("const a = <p dangerouslySetInnerHTML={{__html: sanitize(text)}} />;"),
        ),
        _react_html,
        kinds=("jsx_attribute",),
        hints=("dangerouslySetInnerHTML",),
    ),
    Pattern(
        Rule(
            "js/link-opener",
            SECURITY,
            NIT,
            "A link opens a new window that can reach back.",
            why="In older browsers the other page can redirect yours.",
            fix='Add rel="noopener".',
            category="browser",
            source="CWE-1022",
            bad=tsx('const a = <a target="_blank" href="https://a.b">x</a>;'),
            good=tsx(
                'const a = <a target="_blank" rel="noopener" href="https://a.b">x</a>;',
                'const a = <a target="_blank" href="/help">x</a>;',
            ),
        ),
        _new_window,
        kinds=("jsx_opening_element", "jsx_self_closing_element"),
        hints=("_blank",),
    ),
    Pattern(
        Rule(
            "js/message-to-any-origin",
            SECURITY,
            SHOULD,
            "A message is sent to whatever page is in the other window.",
            why="If that window has gone elsewhere, the other site gets the message.",
            fix="Name the origin that is meant.",
            category="browser",
            source="CWE-346",
            bad=js("frame.contentWindow.postMessage(token, '*');"),
            good=js("frame.contentWindow.postMessage(token, ORIGIN);"),
        ),
        _message,
        calls=("postMessage",),
    ),
    Pattern(
        Rule(
            "js/message-from-any-origin",
            SECURITY,
            SHOULD,
            "Messages are taken from any page.",
            why="Every site that can open or embed this page can send them.",
            fix="Compare event.origin first.",
            category="browser",
            source="CWE-346",
            bad=js("window.addEventListener('message', (e) => run(e.data));"),
            good=js("window.addEventListener('message', (e) => e.origin === OWN && run(e.data));"),
        ),
        _listener,
        calls=("addEventListener",),
        hints=("'message'", '"message"'),
    ),
    Pattern(
        Rule(
            "js/trusted-without-check",
            SECURITY,
            SHOULD,
            "Angular is told to trust changing text.",
            why="What Angular would have removed, scripts for example, stays.",
            fix="Let Angular sanitise it.",
            category="xss",
            source="CWE-79",
            bad=js("this.html = this.sanitizer.bypassSecurityTrustHtml(text);"),
            good=js("this.html = this.sanitizer.bypassSecurityTrustHtml('<b>x</b>');"),
        ),
        _trusted,
        calls=tuple(
            f"bypassSecurityTrust{what}"
            for what in ("Html", "Script", "Style", "Url", "ResourceUrl")
        ),
    ),
)
