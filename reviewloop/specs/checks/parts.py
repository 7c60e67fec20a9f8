"""What a spec does not speak of at all: errors, edges, security, speed, success, limits."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import Hit
from reviewloop.specs.checks.view import SpecView
from reviewloop.specs.requirements import whole

_ERRORS = re.compile(
    r"\berrors?\b|\bfail\w*|\binvalid\b|\breject\w*|\bexceptions?\b|\bdenie[sd]\b|\bdeny\b"
    r"|\bunavailable\b|\bnot found\b|\btime[sd]?[- ]?out\b|\bunauthori[sz]ed\b|\bmissing\b"
    r"|\brefus\w+|\bcorrupt\w*|\bcannot\b|\bcan't\b|\b[45]\d\d\b",
    re.IGNORECASE,
)
_EDGES = re.compile(
    r"\bedge cases?\b|\bempty\b|\bboundar\w+|\bmaximum\b|\bminimum\b|\blimits?\b|\bduplicate\w*"
    r"|\bconcurren\w+|\bzero\b|\bexceed\w*|\bno \w+ (?:exist|are|is)\b|\balready\b|\bnothing\b"
    r"|\bat (?:most|least)\b",
    re.IGNORECASE,
)
_AT_RISK = re.compile(
    r"\bpasswords?\b|\blog[- ]?in\b|\bsign[- ]?(?:in|up)\b|\bcredentials?\b|\bpayments?\b"
    r"|\bcredit cards?\b|\bpersonal data\b|\buploads?\b|\be-?mail address\w*",
    re.IGNORECASE,
)
_SECURITY = re.compile(
    r"\bsecur\w+|\bauthenticat\w+|\bauthori[sz]\w+|\bpermission\w*|\bencrypt\w+|\bhash\w*|\bTLS\b"
    r"|\bHTTPS\b|\bsaniti[sz]\w+|\bescap\w+|\binject\w+|\bXSS\b|\bCSRF\b|\brate[- ]?limit\w*"
    r"|\bsecrets?\b|\bprivacy\b|\bGDPR\b|\baccess control\b|\broles?\b|\bforbidden\b|\b40[13]\b"
    r"|\block(?:ed|s|out)?\b|\b(?:token|session|link)s?\b.{0,40}\bexpir\w+|\bvalidat\w+",
    re.IGNORECASE,
)
_SPEED = re.compile(
    r"\bperforman\w+|\blatenc\w+|\bthroughput\b|\b\d+\s*(?:ms|milliseconds?|s|sec(?:ond)?s?)\b"
    r"|\bresponse times?\b|\bconcurrent\b|\bper (?:second|minute|hour)\b|\bp9\d\b|\bscal\w+",
    re.IGNORECASE,
)
_SUCCESS = re.compile(
    r"success criteri\w+|\bdefinition of done\b|\bacceptance criteri\w+|\bmeasurable\b|\bSC-\d"
    r"|\bscenario\b|\bgiven\b.*\bwhen\b",
    re.IGNORECASE,
)
_LIMITS = re.compile(
    r"\bout[- ]of[- ]scope\b|\bnon-?goals?\b|\bnot (?:in scope|included|part of)\b|\bexclu\w+"
    r"|\bfuture (?:work|enhancements?|versions?)\b|\bwill not\b|\bshall not\b|\bassumptions?\b",
    re.IGNORECASE,
)
_AWS = re.compile(
    r"\bAWS\b|\bLambda\b|\bSQS\b|\bSNS\b|\bDynamoDB\b|\bEventBridge\b|\bStep Functions\b"
    r"|\bKinesis\b"
)
_OPERATIONS = re.compile(
    r"\bdead[- ]letter\b|\bDLQ\b|\btimeouts?\b|\bretr(?:y|ies)\b|\balarms?\b|\bleast privilege\b"
    r"|\bIAM\b|\bvisibility\b",
    re.IGNORECASE,
)
_LARGEST = 15  # tasks of one spec; above that a first result takes days


def find_no_errors(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where no requirement says what happens when something fails."""
    yield from _missing(view, "spec/no-error-case", _ERRORS, "no requirement says what happens")


def find_no_edges(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where no requirement is about an edge: nothing, too much, twice, at once."""
    yield from _missing(view, "spec/no-edge-case", _EDGES, "no requirement is about an edge")


def find_no_security(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where accounts, input or data of people are handled and nothing protects them."""
    risky = _AT_RISK.search(view.required_text)
    if risky:
        message = f'nothing says how "{risky[0]}" is protected'
        yield from _missing(view, "spec/no-security", _SECURITY, message)


def find_no_speed(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where no requirement says how fast, how much or how many."""
    yield from _missing(view, "spec/no-performance-target", _SPEED, "nothing says how fast or much")


def find_no_success(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where nothing says when the work has succeeded."""
    message = "nothing says when this is done: no acceptance or success criteria"
    yield from _missing(view, "spec/no-success-criteria", _SUCCESS, message)


def find_no_limits(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where nothing says what is left out."""
    yield from _missing(view, "spec/no-scope-limit", _LIMITS, "nothing says what is not part of it")


def find_no_operations(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where a spec builds on services of AWS and says nothing of running them."""
    if any(_OPERATIONS.search(line.text) for line in view.lines):
        return
    for line in view.of_part("requirements", "design"):
        if service := _AWS.search(line.text):
            message = f'"{service[0]}" is used; nothing is said of time limits, retries or rights'
            yield view.hit("spec/aws-operations", line, message, service[0])
            return


def find_too_large(view: SpecView) -> Iterator[Hit]:
    """Yield a hit where a spec has more open tasks than one that is finished soon."""
    count = len(view.open_tasks)
    if count > _LARGEST:
        location = (view.spec.tasks_path, view.open_tasks[0].line)
        yield view.hit_at("spec/too-large", location, f"{count} tasks are open in one spec")


def _missing(view: SpecView, rule: str, words: re.Pattern[str], message: str) -> Iterator[Hit]:
    """Yield a hit at the first requirement where none of the words occurs in what is required."""
    required = whole(view.spec.requirements)
    # A change of OpenSpec holds what differs from the specs that are there.
    if not required or not view.is_english or view.spec.dialect == "openspec":
        return
    text = f"{view.required_text}\n{view.spec.general}"
    if not words.search(text):
        yield view.hit_at(rule, view.first_of("requirements"), message)
