"""Judges by their names whether unknown functions and checks make outside data harmless."""

import re

from reviewloop.regex import regex
from reviewloop.rules.taint.values import FLOWS

XSS = frozenset({"xss", "template-injection"})
PATH = frozenset({"path-traversal"})
SQL = frozenset({"sql-injection"})
COMMAND = frozenset({"command-injection"})
LDAP = frozenset({"ldap-injection"})
URL = frozenset({"open-redirect", "ssrf"})
CODE = frozenset({"code-injection"})
XPATH = frozenset({"xpath-injection"})


# Names of unknown functions that suggest that they make their argument harmless.
CLEANS_BY_NAME = regex(
    r"(?:saniti[sz]e|escape(?!d_?by)|purify|bleach|\bclean(?:se|ed|_|$)|slugify|strip_tags|"
    r"encrypt|(?:^|_)hash(?:_|$)|digest|whitelist|allow_?list|quote_|_quote|safe_(?:join|path|url|"
    r"redirect|filename|next|name|value)|make_safe|to_safe|neutrali[sz]e|normalize_safe|"
    r"valid(?:ate)?_|_valid(?:ate)?|^validate)",
    re.IGNORECASE,
)
_CLEANS_WHAT = (
    (regex(r"html|xss|markup|javascript|bleach|strip_tags|_js", re.IGNORECASE), XSS),
    (regex(r"sql|ident|like", re.IGNORECASE), SQL),
    (regex(r"shell|command|cmd|shlex", re.IGNORECASE), COMMAND),
    (regex(r"file|path", re.IGNORECASE), PATH),
    (regex(r"ldap", re.IGNORECASE), LDAP),
    (regex(r"xpath", re.IGNORECASE), XPATH),
    (regex(r"ur[il]|redirect|host", re.IGNORECASE), URL | XSS),
)


def cleaned_by(name: str) -> frozenset[str]:
    """Return the kinds of harm that an unknown function prevents, by its name."""
    if not CLEANS_BY_NAME.search(name):
        return frozenset()
    for pattern, cleared in _CLEANS_WHAT:
        if pattern.search(name):
            return cleared
    return FLOWS


_CLAIMS = regex(r"(?:^|_)(?:safe|clean|valid)|saniti[sz]e|escape|(?<=[a-z])(?:Safe|Clean|Valid)")


def names_clean(name: str) -> bool:
    """Whether a project's own name claims that a value is clean; users judge how far."""
    return _CLAIMS.search(name) is not None


# Calls whose result is a value of our own that the argument only selects.
SELECTS_BY_NAME = regex(
    r"(?:get|find|load|fetch|lookup|look_up|query|filter|filter_by|select|search|count|exists|"
    r"create|save|store|insert|update|delete|remove|add|send|log|debug|info|warning|error|"
    r"exception|render|authenticate|login|is|has|check|verify|can|should|compare|sign|register|"
    r"list|first|last|one|all|scalar|execute|commit|put|push|publish|emit|notify|track|resolve|"
    r"compute|calculate|predict|generate|retrieve|require|ensure|assert|schedule|enqueue|submit|"
    r"upload|download|start|run|call|invoke|set|write|print|translate|gettext|ugettext|pgettext|"
    r"ngettext|solve|classify|ask|chat|complete|embed|match|test|fullmatch|finditer|dispatch|"
    r"apply_async|delay|abort|flash|redirect|success|fail|raise|handle|annotate|order|connect|"
    r"open|bind|exclude|patch|head|options|post|request|ping|hmac|contains|index|describe|"
    r"resize|spawn|join_room|leave|url|reverse|static|media|jsonify|dump|serialize|respond|"
    r"response|make_response|group|authorize|permission|perform|process_request|super|head)"
    r"(?:_.*|[A-Z].*)?$"
)
# Library functions that return their argument as text, path or parsed data.
CARRIES = regex(
    r"(?:urllib|urlparse|os\.path|ntpath|posixpath|pathlib|json|simplejson|ujson|orjson|string|"
    r"textwrap|re|io|StringIO|bytes|bytearray|memoryview|list|tuple|set|frozenset|dict|sorted|"
    r"reversed|iter|next|map|filter|zip|enumerate|max|min|any_of|shlex|codecs|collections|"
    r"itertools|functools|copy|email|tempfile|operator|yarl|furl|builtins|six|chain|format|"
    r"django\.utils|csv|toml|tomllib|tomli|yaml|xmltodict|quopri|unicodedata|locale|"
    r"multidict|werkzeug\.datastructures|werkzeug\.urls|asyncio|contextlib|difflib|"
    r"configparser|dateutil|pprint|io\.StringIO|io\.BytesIO|getattr|vars|gzip|zipfile)\b"
)
# Names of unknown checks that suggest whether the argument is harmless.
NAMED_SAFE = regex(
    r"(?:is_?safe|safe_|_safe|valid|allow|permit|trust|whitelist|authori[sz]|accept|secure|"
    r"sanit|same_origin|same_host|within|inside|is_relative|is_local|is_internal_url|known|"
    r"is_uuid|is_int|is_numeric|is_number|is_alpha|can_access|has_allowed|legal|approved|exists_in)",
    re.IGNORECASE,
)
NAMED_UNSAFE = regex(
    r"(?:unsafe|invalid|malicious|dangerous|forbidden|blocked|is_bad|has_bad|traversal|injection|"
    r"suspicious|illegal|evil|is_private|is_internal|blacklist|denied|not_allowed|disallowed|"
    r"contains_|has_special|is_external|untrusted)",
    re.IGNORECASE,
)
CHECKS_FILE_TYPE = regex(r"(?:allowed_?(?:file|ext)|extension|mime|file_?type)", re.IGNORECASE)
PIECE = regex(
    r"\.(?:r?split|r?partition|splitext|suffix|suffixes|scheme|port|splitlines|content_type)\b|"
    r"\[:\]|splitext\(\)|\.ext\b"
)
HOST_PIECE = regex(r"\.(?:netloc|hostname|host|domain|registered_domain|authority)\b")
RESOLVED = regex(
    r"(?:\.resolve\(\)|realpath\(\)|abspath\(\)|normpath\(\)|\.absolute\(\)|canonical\w*\(\))"
)
