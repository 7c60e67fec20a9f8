"""Rates the literal of a name: a real secret, a weak one, a placeholder, or no secret."""

import base64
import binascii
import re

from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.secrets.names import Promise, entropy, kinds, reads_like_words, split_name

# Values in vendors' documentation: they open nothing.
_DOCUMENTED = (
    "IOSFODNN7EXAMPLE",
    "I44QH8DHBEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG",
    "je7MtGbClwBF/2Zp9Utk/",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",  # the storage emulator's
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw",
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwi",  # jwt.io's
)
_SHORTEST = min(map(len, _DOCUMENTED))
_PLACEHOLDER = regex(
    r"example|placeholder|change_?-?me|your[_\-]|dummy|redacted|xxxxx|\*\*\*|\.\.\.|0123456789abcdef"
    r"|abcdefghij|1234567890|…",
    re.IGNORECASE,
)


def is_documented(value: str) -> bool:
    """Whether a vendor's documentation contains exactly this value."""
    return len(value) >= _SHORTEST and any(known in value for known in _DOCUMENTED)


def is_placeholder(value: str) -> bool:
    """Whether a token-like value is recognisable as a placeholder."""
    return _PLACEHOLDER.search(value) is not None


_LONGEST = 512

# Placeholders: the value is no literal, or declares that it is no secret.
_ELSEWHERE = regex(
    r"^[$%@&*!|>({\[<]|^%[A-Za-z_]+%|\$\{|\$\(|\{\{|\}\}|#\{|<%|%>|%\(|%[sdvr]\b|^\{|\{\d*\}|\{[a-z_]"
    r"|^(?:process|os|config|cfg|conf|settings|self|this|props|params|args|request|req|options|opts"
    r"|env|environment|var|local|module|data|each|vault|ssm|arn|file|https?|wss?|s3|op|ref|secret"
    r"|secrets|keyring|kv|gcp|projects|steps|inputs|github|context|ctx|state|form|resolve|sm"
    r"|aws|azurekeyvault|doppler|enc|cipher|random|uuid|app|user|account)[.:(\[/]"
    r"|^(?:[A-Za-z]:)?[./~\\]|^\w+\(|\)$|^ENC\b|^\w+\[\w*\]|\[\d{1,3}\]\.[a-z_]|://|::|=>|->|&&|\|\||[<>]|^[\w.+\-]+@[\w\-]+\.\w"
    r"|\\[wdsWDSbB]|\.\*|\[\^|\(\?|^sha\d{1,3}[:\-=]|^md5[:\-=]|^pbkdf2|^argon2|^bcrypt|^scrypt"
    r"|^\^.*\$$|^\d{4}-\d\d-\d\d|\.(?:pem|key|json|ya?ml|txt|crt|cer|jks|p12|pfx|pub|ini|conf|env|py|js|ts|go"
    r"|java|html?|css|svg|png|md|sh|xml|properties|com|org|net|io)$",
    re.IGNORECASE,
)
_CLAIMS = regex(
    r"exampl|placeholder|change.?(?:me|this|it)|^change|dummy|fake|sample|redact|replace|insert.|enter.?(?:your|a|the)"
    r"|your|xxx|\*\*\*|\.\.\.|todo|tbd|fixme|foo.?bar|^foo|^bar$|^baz$|hidden|masked|removed|censored"
    r"|not.?(?:set|used|real|needed|required|a.?secret)|undefined|goes.?here|here$|^some.|^any.?"
    r"|^my.?(?:secret|pass|token|key|api)|super.?secret|s3cr3t|s3cret|top.?secret|very.?secret"
    r"|^(?:p[a@4][s$5]{2}w?[o0]?r?d?)\d{0,4}[!.]?$|^pass(?:word|wd)?[\d!@#]{0,4}$|^secret\d*$"
    r"|^token\d*$|^test|test$|^demo|^temp|unused|^default|^invalid|^wrong|^bad.?|^good.?|^new.?pass"
    r"|^old.?pass|correct.?horse|^hunter2$|^swordfish$|^abc\d+$|^qwert|^letmein|^asdf|^admin\d*$"
    r"|JBSWY3DP|12345|abcdef|^0+$|deadbeef|cafebabe|^root$|^none|^null|^nil$|^true|^false|^empty|^optional"
    r"|^required|^string|^text$|^str$|^dev.?(?:secret|pass|key)|keyboard.cat|^the.?secret|^a.?secret"
    r"|^utf.?8|^latin|^ascii$|^base64$|^local.?(?:secret|pass|dev|key)|insecure|unsafe|lorem|ipsum|^api.?key|^auth.?token|^access.?token",
    re.IGNORECASE,
)
_CONSTANT = regex(r"[A-Z][A-Z0-9]*(?:[_\-.][A-Z0-9]+)+|[A-Z]{2,}")
_DOTTED = regex(r"[A-Za-z_$][\w$\-]*(?:[.:/][A-Za-z_$][\w$\-]*)+")
_UUID = regex(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = regex(r"[0-9a-fA-F]+")
_VERSION = regex(r"v?\d+(?:\.\d+)+\S{0,10}|\d{1,3}(?:\.\d{1,3}){3}")
_TALK = {
    *("password", "passwd", "pwd", "pass", "passphrase", "secret", "token", "key", "api", "user"),
    *("username", "login", "auth", "access", "client", "db", "database", "my", "the", "new", "old"),
    *("admin", "root", "test", "default", "name", "value", "field", "input", "current", "confirm"),
    *(
        "reset",
        "forgot",
        "change",
        "update",
        "word",
        "id",
        "type",
        "text",
        "basic",
        "bearer",
        "jwt",
    ),
    *("refresh", "session", "cookie", "header", "private", "public", "credential", "credentials"),
    *("dev", "prod", "local", "app", "service", "server", "super", "some", "your", "for", "is"),
}


def rate_literal(promise: Promise, name: str, value: str, *, quoted: bool) -> Severity | None:
    """Return the severity of a literal for a name; None if it is no secret.

    `quoted` is False for a bare value in a configuration file.
    """
    value = value.strip()
    if not 4 <= len(value) <= _LONGEST or not value.isascii() or is_documented(value):
        return None
    if any(c.isspace() for c in value):
        return Severity.SHOULD_FIX if _is_generated_phrase(value) else None
    if _ELSEWHERE.search(value) or _CLAIMS.search(value) or _CONSTANT.fullmatch(value):
        return None
    if _VERSION.fullmatch(value) or len(set(value)) < 4 or _talks_about(name, value):
        return None
    if promise is Promise.PASSWORD:
        return _rate_password(value, quoted=quoted)
    if promise is Promise.PERHAPS:
        drawn = len(value) >= 20 and looks_random(value) and entropy(value) >= 3.9
        mixed = kinds(value) >= 3 and not _HEX.fullmatch(value) and not _UUID.fullmatch(value)
        return Severity.NIT if quoted and drawn and mixed else None
    return _rate_key(value, quoted=quoted)


def looks_random(value: str) -> bool:
    """Whether a value looks random: long and mixed, and with words only between many digits."""
    if _UUID.fullmatch(value):
        return entropy(value) > 2.5
    if _HEX.fullmatch(value):
        return len(value) >= 16 and entropy(value) > 2.7 and not value.isdigit()
    if not any(c.isdigit() for c in value):
        return len(value) >= 16 and kinds(value) >= 2 and not reads_like_words(value)
    if len(value) < 10 or entropy(value) < 3.0 or not any(c.isalpha() for c in value):
        return False
    return not reads_like_words(value) or (kinds(value) >= 3 and _digits_inside(value) >= 3)


def is_surely_random(value: str) -> bool:
    """Whether a value is certainly random: long, of letters and digits, no identifier."""
    if len(value) < 16 or _UUID.fullmatch(value) or not looks_random(value):
        return False
    if _HEX.fullmatch(value):
        return entropy(value) >= 3.0
    mixed = any(c.isdigit() for c in value) and entropy(value) >= 3.3
    return mixed and not reads_like_words(value)


def decode_basic(value: str) -> str:
    """Return the `user:password` of a basic authorization, "" for another value."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return text if ":" in text and text.isprintable() else ""


def encodes_placeholder(value: str) -> bool:
    """Whether a value is the base64 of words that say that they are no secret."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return text.isprintable() and is_placeholder(text)


def _rate_password(value: str, *, quoted: bool) -> Severity | None:
    wordlike = reads_like_words(value)
    if _DOTTED.fullmatch(value) and wordlike:
        return None
    variety = kinds(value)
    if value.isdigit():
        return Severity.NIT if len(value) >= 6 else None
    if value.isalpha():
        if wordlike:
            return Severity.NIT if not quoted and len(value) >= 5 and value.islower() else None
        return Severity.SHOULD_FIX if len(value) >= 8 else Severity.NIT
    if not any(c.isdigit() for c in value) and wordlike:
        # Letters and signs only: `user-password` is an identifier, `Berlin!Ost` a password.
        return Severity.NIT if re.search(r"[!@#$%^&*+?~]", value) else None
    if len(value) >= 8 and (variety >= 3 or not wordlike):
        return Severity.SHOULD_FIX
    return Severity.NIT


def _rate_key(value: str, *, quoted: bool) -> Severity | None:
    if _DOTTED.fullmatch(value) and (reads_like_words(value) or "/" in value):
        return None
    if looks_random(value):
        return Severity.SHOULD_FIX
    if not quoted or reads_like_words(value) or len(value) < 8:
        return None
    return Severity.NIT if kinds(value) >= 3 and any(c.isdigit() for c in value) else None


def _is_generated_phrase(value: str) -> bool:
    """Whether a text with spaces is a random key of all printable characters."""
    return (
        len(value) >= 32
        and kinds(value) == 4
        and value.count(" ") <= len(value) // 10
        and entropy(value) > 4.2
        and not reads_like_words(value)
        and _ELSEWHERE.search(value.replace("<", "").replace(">", "")[1:]) is None
    )


def _talks_about(name: str, value: str) -> bool:
    """Whether a value only repeats its name: `password = "userPassword"`."""
    words = [word for word in split_name(value) if not word.isdigit()]
    if not words:
        return False
    known = _TALK | set(split_name(name))
    return all(word in known or word.endswith(("password", "secret", "token")) for word in words)


def _digits_inside(value: str) -> int:
    """Count the digits that are not at the end, where years and counters are."""
    return sum(c.isdigit() for c in value.rstrip("0123456789"))
