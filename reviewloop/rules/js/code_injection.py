"""JavaScript: text from outside that becomes code."""

import re
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.patterns import Found, Pattern, Source
from reviewloop.rules.js.example import js, ts
from reviewloop.rules.js.request_input import tainted
from reviewloop.rules.js.syntax import (
    argument,
    arguments,
    call_name,
    called,
    glued,
    literal,
    receiver,
    text_of,
)

if TYPE_CHECKING:
    from ast_grep_py import SgNode


def _eval(node: "SgNode", source: Source) -> Found | None:
    given = arguments(node)
    if not given or all(literal(a) for a in given):
        return None
    if call_name(node) == "eval" and receiver(node) not in {"", "window", "globalThis", "self"}:
        return None
    dirty = any(tainted(a, source, browser=True) for a in given)
    return Found(node, severity=MUST if dirty else SHOULD)


def _timer(node: "SgNode", source: Source) -> Found | None:
    first = argument(node, 0)
    if first is None or glued(first) is None:
        return None
    return Found(first, severity=MUST if tainted(first, source, browser=True) else SHOULD)


def _code_module(node: "SgNode", source: Source) -> Found | None:
    of, first = receiver(node), argument(node, 0)
    if first is None or literal(first) or (of and of.split(".")[-1] != "vm"):
        return None
    return Found(node, severity=MUST if tainted(first, source) else SHOULD)


def _require(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    if first is None or receiver(node) or text_of(first):
        return None
    return first if tainted(first, source) else None


def _template(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    engines = r"(?:ejs|pug|jade|handlebars|hbs|nunjucks|mustache|_|lodash|dot|doT|swig|eta)$"
    if first is None or not re.match(engines, receiver(node), re.IGNORECASE):
        return None
    return first if tainted(first, source) else None


def _regex(node: "SgNode", source: Source) -> "SgNode | None":
    first = argument(node, 0)
    return first if first is not None and tainted(first, source) else None


def _method(node: "SgNode", source: Source) -> "SgNode | None":
    function = called(node)
    if function is None or function.kind() != "subscript_expression":
        return None
    index = function.field("index")
    return index if index is not None and tainted(index, source) else None


PATTERNS = (
    Pattern(
        Rule(
            "js/eval",
            SECURITY,
            SHOULD,
            "Text is run as code.",
            why="Whoever can influence the text runs code with all rights of the program.",
            fix="Parse data with JSON.parse, and choose behaviour from a fixed table of functions.",
            category="injection",
            source="CWE-95",
            in_examples=False,
            bad=(
                *js("export const run = (text) => eval(text);"),
                *js("new Function('a', body);"),
                *ts("const n = await globalThis!.eval<number>(text);"),
            ),
            good=(*js("eval('1 + 1');"), *js("model.eval(batch);"), *js("JSON.parse(text);")),
        ),
        _eval,
        calls=("eval", "Function"),
    ),
    Pattern(
        Rule(
            "js/timer-code",
            SECURITY,
            SHOULD,
            "A timer is given text that it will run as code.",
            why="The text is evaluated when the timer fires, with whatever was put into it.",
            fix="Give the timer a function.",
            category="injection",
            source="CWE-95",
            bad=js("setTimeout('show(' + id + ')', 10);"),
            good=(*js("setTimeout(() => show(id), 10);"), *js("setTimeout(show, 10);")),
        ),
        _timer,
        calls=("setTimeout", "setInterval", "setImmediate"),
    ),
    Pattern(
        Rule(
            "js/vm-code",
            SECURITY,
            SHOULD,
            "The vm module runs text; it is no sandbox.",
            why="Code inside a vm context reaches the process around it.",
            fix="Run foreign code in a separate process or container without rights.",
            category="injection",
            source="https://nodejs.org/api/vm.html",
            bad=js("const vm = require('vm');\nvm.runInNewContext(code, {});"),
            good=js("const vm = require('vm');\nvm.runInNewContext('1 + 1');"),
        ),
        _code_module,
        calls=("runInContext", "runInNewContext", "runInThisContext", "compileFunction", "Script"),
        hints=("'vm'", '"vm"', "node:vm"),
    ),
    Pattern(
        Rule(
            "js/module-from-request",
            SECURITY,
            MUST,
            "A client chooses which module is loaded.",
            why="Loading a module runs it; a path to an uploaded file becomes code.",
            fix="Look the name up in a fixed table of modules.",
            category="injection",
            source="CWE-98",
            bad=js("app.get('/', (req, res) => res.json(require('./p/' + req.query.page)));"),
            good=js("app.get('/', (req, res) => res.json(require('./p/home')));"),
        ),
        _require,
        calls=("require", "import"),
        hints=("req", "ctx"),
    ),
    Pattern(
        Rule(
            "js/template-injection",
            SECURITY,
            MUST,
            "A client's text is compiled as a template.",
            why="Template languages can call code; so can whoever writes the template.",
            fix="Keep templates in files and pass the client's text as data.",
            category="injection",
            source="CWE-1336",
            bad=js("app.post('/', (req, res) => res.send(ejs.render(req.body.template, {})));"),
            good=js("app.post('/', (req, res) => res.send(ejs.render(page, {t: req.body.t})));"),
        ),
        _template,
        calls=("render", "compile", "renderString", "template"),
        hints=("req", "ctx"),
    ),
    Pattern(
        Rule(
            "js/regex-from-request",
            SECURITY,
            SHOULD,
            "A regular expression is built from what a client sent.",
            why="A pattern that backtracks without end stops the whole process.",
            fix="Escape the text first, or search for it as plain text.",
            category="denial-of-service",
            source="CWE-1333",
            bad=js(
                "app.get('/', (req, res) => res.json(all.filter(x => new "
                "RegExp(req.query.q).test(x))));"
            ),
            good=js("app.get('/', (req, res) => res.json(new RegExp(escapeRegExp(req.query.q))));"),
        ),
        _regex,
        calls=("RegExp",),
        hints=("req", "ctx"),
    ),
    Pattern(
        Rule(
            "js/method-from-request",
            SECURITY,
            MUST,
            "A client chooses which method is called.",
            why="Every method of the object can be reached, `constructor` among them.",
            fix="Look the name up in a Map of allowed functions.",
            category="injection",
            source="CWE-470",
            bad=js("app.get('/', (req, res) => actions[req.query.name](res));"),
            good=js("app.get('/', (req, res) => actions[KIND](res));"),
        ),
        _method,
        kinds=("call_expression",),
        hints=("req", "ctx"),
    ),
)
