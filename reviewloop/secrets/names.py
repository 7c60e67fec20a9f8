"""Distinguishes words from random letters, and finds names that suggest a secret."""

import math
from enum import StrEnum
from functools import lru_cache

from reviewloop.regex import regex

# The pairs of letters that make up nearly nine tenths of English and of programmers' names.
_PAIRS = """
th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co
me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us
ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa
im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke
ui ag bu av ap gi ki fa go up ob sp ub da pu ga bo do gr cr cl br ck ff tt pp oo ey ys ws ds rd
rk rm rn rv ef eg ep ew ua ue um va vo ye yp ms mm nn rr cu fr fl ft if ik ip ba bi bs cc ct dd
du dm dr eb ei ek eo gs gu gl ht hu hr ks kn ku lt ls lu lv mb mu my nk nu nv ny ok od og ov oa
oc oi oy ps pt ph qu rc rg rl rp ru sc sk sl sm sn sw tm tw ug ud wn wr xt xp ze za zi
"""
_COMMON = frozenset(_PAIRS.split())
_LETTERS = regex(r"[A-Za-z]{2,}")
_HUMPS = regex(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def entropy(value: str) -> float:
    """Return the bits per character of a text, 0.0 for an empty one."""
    bits, length, count, log2 = 0.0, len(value), value.count, math.log2
    for character in set(value):
        share = count(character) / length
        bits -= share * log2(share)
    return bits


def reads_like_words(value: str) -> bool:
    """Whether the letters of a value follow each other as in words; False without pairs."""
    pairs = common = 0
    for run in _LETTERS.findall(value):
        # Each word of camel case starts anew: the pair with the letter before it does not count.
        for hump in _HUMPS.findall(run):
            if len(hump) >= 2:
                lowered = hump.lower()
                pairs += len(lowered) - 1
                common += sum(lowered[at : at + 2] in _COMMON for at in range(len(lowered) - 1))
    return pairs > 0 and common / pairs >= 0.62


def kinds(value: str) -> int:
    """Count the kinds of characters: lower case, upper case, digits, others."""
    return (
        any(c.islower() for c in value)
        + any(c.isupper() for c in value)
        + any(c.isdigit() for c in value)
        + any(not c.isalnum() for c in value)
    )


def split_name(name: str) -> list[str]:
    """Return the words of an identifier, lower case: `dbPassword2` is db, password, 2."""
    return [hump.lower() for hump in _HUMPS.findall(name)]


class Promise(StrEnum):
    """What a name suggests about its value."""

    NOTHING = ""
    PASSWORD = "password"  # noqa: S105 - a word of a name, no password
    KEY = "key"  # random tokens, keys and secrets
    PERHAPS = "perhaps"  # a mere `key`: most of them open nothing


_PASSWORDS = {
    *(
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "passw",
        "requirepass",
        "masterauth",
        "psw",
        "pword",
        "pswd",
    ),
    *("passwort", "kennwort", "senha", "contrasena", "mdp", "parola"),
}
_SHORT_PASSWORDS = {"pass", "pw"}
_PASSWORD_ENDS = ("password", "passwd", "passphrase", "pwd")
_KEYS = {
    *("secret", "token", "apikey", "credential", "credentials", "secretkey", "accesskey", "pat"),
    *("authtoken", "accesstoken", "privatekey", "authkey", "apitoken", "clientsecret", "bearer"),
    *("appsecret", "appkey", "apisecret", "jwt", "otp", "cookie", "signature", "creds"),
}
_KEY_ENDS = ("secret", "token", "apikey", "secretkey", "accesskey", "authkey", "privatekey")
# "key" alone can name anything; after one of these words it opens something.
_BEFORE_KEY = {
    *("api", "access", "secret", "private", "auth", "encryption", "encrypt", "crypt", "signing"),
    *("sign", "master", "account", "shared", "license", "licence", "session", "service", "server"),
    *("client", "storage", "admin", "security", "hmac", "aes", "jwt", "token", "consumer", "app"),
    *("subscription", "write", "ingest", "instrumentation", "deploy", "webhook", "cipher", "des"),
    *("integration", "rest", "user", "project", "host", "function", "maps", "cookie", "crypto"),
    *(
        "authentication",
        "decryption",
        "signature",
        "google",
        "application",
        "logged",
        "nonce",
        "salt",
        "management",
    ),
}
_BEFORE_AUTH = {"npm", "http", "basic", "proxy", "registry", "docker", "api"}
# After the word for a secret these change nothing.
_STRIPPED = {
    *("value", "val", "str", "string", "text", "plain", "plaintext", "raw", "default", "prod"),
    *("production", "dev", "development", "staging", "stage", "live", "base64", "old", "new"),
    *("current", "admin", "root", "db", "master", "main", "primary", "secondary", "user", "qa"),
    *(
        "base",
        "uat",
        "test",
        "a",
        "b",
        "x",
        "const",
        "constant",
        "param",
        "cleartext",
        "clear",
        "local",
    ),
}
# With one of these the value is about the secret, or public.
_ABOUT = {
    *("fake", "mock", "dummy", "example", "sample", "placeholder", "label", "error", "prompt"),
    *("regex", "pattern", "public", "pub", "csrf", "xsrf", "next", "page", "continuation", "prev"),
    *("forgot", "invalid", "wrong", "missing", "stub", "no", "hash", "hashed", "encrypted", "sha"),
    *("sha256", "md5", "digest", "checksum", "expected", "hint", "help", "message", "msg", "title"),
    *("cancellation", "cancel", "lexer", "syntax", "sentinel", "marker", "delimiter", "separator"),
    *("bos", "eos", "pad", "unk", "mask", "special", "stop", "tokenizer", "arn", "url", "uri"),
    *("column", "attribute", "attr", "prefix", "suffix", "header", "env", "var", "variable"),
    *("change", "request", "lifecycle", "grant", "upload", "execution", "correlation", "task"),
    *("fingerprint", "thumbprint", "etag", "integrity", "idempotency", "cache", "resume", "sync"),
}
_DIGITS = regex(r"\d+")


@lru_cache(maxsize=4096)
def promise_of(name: str) -> Promise:
    """Return what the name of a variable, key or attribute suggests about its value."""
    words = split_name(name)
    if not words or _ABOUT.intersection(words):
        return Promise.NOTHING
    while len(words) > 1 and (words[-1] in _STRIPPED or _DIGITS.fullmatch(words[-1])):
        words.pop()
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last in _PASSWORDS or last.endswith(_PASSWORD_ENDS):
        return Promise.PASSWORD
    if last in _SHORT_PASSWORDS or (
        before in _SHORT_PASSWORDS and last in {"word", "phrase", "wd"}
    ):
        return Promise.PASSWORD
    if last in _KEYS or last.endswith(_KEY_ENDS):
        return Promise.KEY
    if last in {"key", "keys"} and before in _BEFORE_KEY:
        return Promise.KEY
    if words == ["key"]:
        return Promise.PERHAPS
    if last == "auth" and (before in _BEFORE_AUTH or name.startswith("_")):
        return Promise.KEY
    if last == "salt" or (last == "pepper" and before):
        return Promise.KEY
    return Promise.NOTHING
