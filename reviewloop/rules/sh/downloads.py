"""Checks of downloads and rights that shell scripts and Dockerfiles share."""

import re

from reviewloop.regex import regex
from reviewloop.rules.sh.commands import Command

_RUNNERS_TEXT = "sh bash dash ash zsh ksh python python3 perl ruby node php"
_RUNNERS = frozenset(_RUNNERS_TEXT.split())
_FETCH = regex(r"(?:\$\(|<\(|`)\s*(?:curl|wget)\b")
_OPEN_MODE = regex(r"0{0,2}(?:777|666|776|767)$|(?:a|o|go|ugo|uo)[+=][rx]*w[rwx]*$")
_UNSIGNED = {
    "apt-get": ("allow-unauthenticated", "force-yes", "allow-insecure-repositories"),
    "apt": ("allow-unauthenticated", "force-yes", "allow-insecure-repositories"),
    "yum": ("nogpgcheck",),
    "dnf": ("nogpgcheck",),
    "microdnf": ("nogpgcheck",),
    "tdnf": ("nogpgcheck",),
    "zypper": ("no-gpg-checks",),
    "rpm": ("nosignature",),
    "apk": ("allow-untrusted",),
    "wget": ("no-check-certificate",),
    "curl": ("insecure",),
}


def pipes_download(command: Command) -> bool:
    """Whether a command runs a download of another one: `curl ... | sh`, `sh -c "$(curl ...)"`."""
    if command.name not in _RUNNERS and command.name not in {"eval", "source", "."}:
        return False
    if command.fed_by in {"curl", "wget"}:
        return not any(word in {"-c", "-m", "-e"} for word in command.words)
    return any(_FETCH.match(word.lstrip("\"' ")) for word in command.words)


def unverified(command: Command) -> bool:
    """Whether a command switches off a check of certificates or signatures."""
    name = command.name
    if command.has(*_UNSIGNED.get(name, ())) and name in _UNSIGNED:
        return True
    if name == "curl":
        return any(re.fullmatch(r"-[a-zA-Z]*k[a-zA-Z]*", w) for w in _curl_bundles(command))
    text = " ".join(command.words)
    if name == "git":
        return bool(re.search(r"http\.sslverify[= ]+(?:false|0)", text, re.IGNORECASE))
    if name in {"npm", "yarn"}:
        return bool(re.search(r"strict-ssl[= ]+false", text, re.IGNORECASE))
    return False


def _curl_bundles(command: Command) -> list[str]:
    """Return curl's short options; the rest of a word after -o, -H and such is their value."""
    found = []
    for word in command.words:
        if re.match(r"-[a-zA-Z]", word):
            taking = re.search(r"[oHdXuAbceFTwmxyYzCEKPQr]", word[1:])
            found.append(word[: taking.end() + 1] if taking else word)
    return found


def world_writable(command: Command) -> bool:
    """Whether chmod makes a file writable for all; sticky bits of shared folders are allowed."""
    if command.name != "chmod" or not command.plain:
        return False
    return bool(_OPEN_MODE.match(command.plain[0]))
