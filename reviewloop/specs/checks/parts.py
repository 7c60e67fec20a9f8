"""Finds topics that a spec does not cover at all: errors, security, speed, success, users, data."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import Hit
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecView
from reviewloop.specs.general import kind_of
from reviewloop.specs.requirements import whole_requirements

_ERRORS = regex(
    r"\b\w*errors?\b|\bfail\w*|\binvalid\b|\breject\w*|\b\w*exceptions?\b|\bdenie[sd]\b|\bdeny\b"
    r"|\bunavailable\b|\bnot found\b|\btime[sd]?[- ]?out\b|\bunauthori[sz]ed\b|\bmissing\b"
    r"|\brefus\w+|\bcorrupt\w*|\bcannot\b|\bcan't\b|\b[45]\d\d\b",
    re.IGNORECASE,
)
_EDGES = regex(
    r"\bedge cases?\b|\bempty\b|\bboundar\w+|\bmaximum\b|\bminimum\b|\blimits?\b|\bduplicate\w*"
    r"|\bconcurren\w+|\bzero\b|\bexceed\w*|\bno \w+ (?:exist|are|is)\b|\balready\b|\bnothing\b"
    r"|\bat (?:most|least)\b",
    re.IGNORECASE,
)
_AT_RISK = regex(
    r"\bpasswords?\b|\blog[- ]?in\b|\bsign[- ]?(?:in|up)\b|\bcredentials?\b|\bpayments?\b"
    r"|\bcredit cards?\b|\bpersonal data\b|\buploads?\b|\be-?mail address\w*",
    re.IGNORECASE,
)
_SECURITY = regex(
    r"\bsecur\w+|\bauthenticat\w+|\bauthori[sz]\w+|\bpermission\w*|\bencrypt\w+|\bhash\w*|\bTLS\b"
    r"|\bHTTPS\b|\bsaniti[sz]\w+|\bescap\w+|\binject\w+|\bXSS\b|\bCSRF\b|\brate[- ]?limit\w*"
    r"|\bsecrets?\b|\bprivacy\b|\bGDPR\b|\baccess control\b|\broles?\b|\bforbidden\b|\b40[13]\b"
    r"|\block(?:ed|s|out)?\b|\b(?:token|session|link)s?\b.{0,40}\bexpir\w+|\bvalidat\w+",
    re.IGNORECASE,
)
_SPEED = regex(
    r"\bperforman\w+|\blatenc\w+|\bthroughput\b|\b\d+\s*(?:ms|milliseconds?|s|sec(?:ond)?s?)\b"
    r"|\bresponse times?\b|\bconcurrent\b|\bper (?:second|minute|hour)\b|\bp9\d\b|\bscal\w+",
    re.IGNORECASE,
)
_SUCCESS = regex(
    r"success criteri\w+|\bdefinition of done\b|\bacceptance criteri\w+|\bmeasurable\b|\bSC-\d"
    r"|\bscenario\b|\bgiven\b.*\bwhen\b",
    re.IGNORECASE,
)
_LIMITS = regex(
    r"\bout[- ]of[- ]scope\b|\bnon-?goals?\b|\bnot (?:in scope|included|part of)\b|\bexclu\w+"
    r"|\bfuture (?:work|enhancements?|versions?)\b|\bwill not\b|\bshall not\b|\bassumptions?\b",
    re.IGNORECASE,
)
_PEOPLE = regex(
    r"\bas (?:an?|the)\s+\W*\w+|\b(?:users?|admin\w*|members?|operators?|developers?|customers?"
    r"|visitors?|guests?|clients?|callers?|owners?|authors?|readers?|editors?|viewers?|maintainers?|agents?"
    r"|persons?|people|players?|students?|teachers?|patients?|roles?|actors?|personas?)\b",
    re.IGNORECASE,
)
_PURPOSE = regex(
    r"\bso (?:that|i|we|they)\b|\bin order to\b|\bpurpose\b|\bgoals?\b|\bproblem\b|\bwhy\b"
    r"|\bbecause\b|\bobjectives?\b|\bbenefits?\b|\bmotivation\b|\bbackground\b",
    re.IGNORECASE,
)
_STORED = regex(
    r"\b(?:stores?|stored|persist\w*|saves? (?:it|them|the|an?)|database)\b", re.IGNORECASE
)
_DATA = regex(
    r"\bdata (?:model|structure|type|class)\w*|\bschemas?\b|\bentit(?:y|ies)\b|\btables?\b"
    r"|\brows?\b|\bcolumns?\b|\bfields?\b|\battributes?\b|\bprimary keys?\b|\binterface \w+"
    r"|\btype \w+ =|\bclass \w+|\bstruct \w+|\bJSON\b|\bCREATE TABLE\b|\bmodels?\b",
    re.IGNORECASE,
)
_SERVED = regex(
    r"\b(?:REST|HTTP|GraphQL|gRPC|web|public) APIs?\b|\bendpoints?\b|\bAPI (?:routes?|calls?)\b"
)
_ROUTES = regex(
    r"\b(?:GET|POST|PUT|PATCH|DELETE)\b|`/[\w{]|\s/\w+/|\b(?:rpc|query|mutation|service) \w+"
    r"|\bopenapi\b|\bswagger\b|\.proto\b|\brequest body\b",
    re.IGNORECASE,
)
_WRITTEN = regex(
    r"\b(?:file|message|payload|date|output|input|response|log) formats?\b|\bpars(?:e[sd]?|ing)\b"
    r"|\bCSV\b|\bYAML\b|\bXML\b|\bpayloads?\b",
    re.IGNORECASE,
)
_EXAMPLES = regex(
    r"\be\.\s?g\.|\bfor example\b|\bfor instance\b|\bexamples?\b|\bsuch as\b|\bsamples?\b|`[^`]+`"
    r"|\"[^\"]+\"",
    re.IGNORECASE,
)
_AWS = regex(
    r"\bAWS\b|\bLambda\b|\bSQS\b|\bSNS\b|\bDynamoDB\b|\bEventBridge\b|\bStep Functions\b"
    r"|\bKinesis\b"
)
_OPERATIONS = regex(
    r"\bdead[- ]letter\b|\bDLQ\b|\btimeouts?\b|\bretr(?:y|ies)\b|\balarms?\b|\bleast privilege\b"
    r"|\bIAM\b|\bvisibility\b",
    re.IGNORECASE,
)
_LARGEST = 15  # tasks of one spec; above that a first result takes days


def find_no_errors(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if no requirement covers a failure."""
    message = "no requirement says what happens when something fails"
    yield from _missing(view, "spec/no-error-case", _ERRORS, message)


def find_no_edges(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if no requirement covers an edge case: nothing, too much, twice, at once."""
    yield from _missing(view, "spec/no-edge-case", _EDGES, "no requirement is about an edge case")


def find_no_security(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if accounts, input or personal data are handled without any protection."""
    risky = _AT_RISK.search(view.required_text)
    if risky:
        message = f'nothing says how "{risky[0]}" is protected'
        yield from _missing(view, "spec/no-security", _SECURITY, message)


def find_no_speed(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if no requirement says how fast, how much or how many."""
    yield from _missing(
        view, "spec/no-performance-target", _SPEED, "nothing says how fast or how much"
    )


def find_no_success(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if the spec lacks a measure of success."""
    message = "nothing says when this is done: no acceptance or success criteria"
    yield from _missing(view, "spec/no-success-criteria", _SUCCESS, message)


def find_no_limits(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if the spec does not say what is out of scope."""
    yield from _missing(view, "spec/no-scope-limit", _LIMITS, "nothing says what is not part of it")


def find_no_people(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if no requirement names the users."""
    yield from _missing(view, "spec/no-role", _PEOPLE, "nothing says who uses it")


def find_no_purpose(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if the spec gives no purpose: no introduction, no reason in a story."""
    introduced = any(
        kind_of(head) == "introduction" for line in view.lines for head in (line.title, *line.heads)
    )
    if not introduced:
        yield from _missing(view, "spec/no-purpose", _PURPOSE, "nothing says what it is for")


def find_no_data(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if data is stored, and neither requirements nor design say which."""
    if view.has_tasks:  # earlier, the design may still follow
        message = "nothing says of what parts"
        yield from _undescribed(view, "spec/no-data-model", _STORED, _DATA, message)


def find_no_api(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if an interface is served, and no route, method or message is named."""
    if view.has_tasks:
        message = "no route or method is named"
        yield from _undescribed(view, "spec/no-api", _SERVED, _ROUTES, message)


def find_no_example(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if something has a format, and no document shows an example."""
    if not any(line.code for line in view.lines):
        yield from _undescribed(view, "spec/no-example", _WRITTEN, _EXAMPLES, "no example shows it")


def find_no_operations(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if a spec uses services of AWS and does not cover their operation."""
    if any(_OPERATIONS.search(line.text) for line in view.lines):
        return
    for line in view.of_part("requirements", "design"):
        if service := _AWS.search(line.text):
            message = f'"{service[0]}" is used; nothing is said of time limits, retries or rights'
            yield view.hit("spec/aws-operations", line, message, service[0])
            return


def find_too_large(view: SpecView) -> Iterator[Hit]:
    """Yield a hit if a spec has too many open tasks to be finished soon."""
    count = len(view.open_tasks)
    if count > _LARGEST:
        location = (view.spec.tasks_path, view.open_tasks[0].line)
        yield view.hit_at("spec/too-large", location, f"{count} tasks are open in one spec")


def _missing(view: SpecView, rule: str, words: re.Pattern[str], message: str) -> Iterator[Hit]:
    """Yield a hit at the first requirement if none of the words occurs in the requirements."""
    required = whole_requirements(view.spec.requirements) or view.statements
    if not required or not view.is_english or view.checked_as.is_change:
        return
    text = f"{view.required_text}\n{view.spec.general}"
    if not words.search(text):
        yield view.hit_at(rule, view.first_of("requirements"), message)


def _undescribed(
    view: SpecView, rule: str, about: re.Pattern[str], words: re.Pattern[str], message: str
) -> Iterator[Hit]:
    """Yield a hit at the first statement on a subject that no document describes."""
    if not view.is_english or view.checked_as.is_change:
        return
    line, found = next(
        ((one, hit) for one in view.statements if (hit := about.search(one.text))), (None, None)
    )
    if line is None or found is None or any(words.search(one.text) for one in view.lines):
        return
    yield view.hit(rule, line, f'"{found[0]}": {message}', found[0])
