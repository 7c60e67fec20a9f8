"""Which names promise a secret: `dbPassword` does, `password_field` and `next_token` do not."""

import re
from enum import StrEnum
from functools import lru_cache

from reviewloop.secrets.words import split_name


class Promise(StrEnum):
    """What a name says about its value."""

    NOTHING = ""
    PASSWORD = "password"  # noqa: S105
    KEY = "key"  # tokens, keys and secrets that a machine drew
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
# "key" alone names anything: these words before it make it one that opens something.
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
# Behind the telling word these change nothing.
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
# With one of these the value is about the secret, or open to everyone.
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
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=4096)
def promise_of(name: str) -> Promise:
    """Return what a variable, key or attribute name says about its value."""
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
