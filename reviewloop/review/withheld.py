"""Files whose content no model is shown: they appear by their name, and say that it is withheld."""

import re
from collections.abc import Callable, Mapping

from reviewloop.domain.globs import first_match
from reviewloop.git.attributes import kiroignored
from reviewloop.git.objects import FileEntry
from reviewloop.git.private import PrivateRepo

PATTERNS = (
    "**/.env",
    "**/.env[._-]*",
    "**/.envrc",
    "**/{id_rsa,id_dsa,id_ecdsa,id_ed25519}",
    "**/*.pem",
    "**/*.key",
    "**/*.{p12,pfx,jks,keystore,ppk,kdbx,p8}",
    "**/{.netrc,_netrc,.pgpass,.git-credentials,.dockercfg,.htpasswd,.s3cfg,.boto}",
    "**/terraform.tfstate*",
    "**/*.tfstate",
    "**/.aws/**",
    "**/{.ssh,.gnupg}/**",
    "**/.kube/config",
    "**/{kubeconfig,kubeconfig.*,*.kubeconfig}",
)
"""Glob patterns of what holds secrets by its nature; key pairs and files with logins: see below."""

EXAMPLES = ("**/.env[._-]{example,sample,template,dist}", "**/*.{example,sample,template}")
"""Files of these names are there to be read."""

_LIKELY = re.compile(
    r"(?:^|/)(?:\.env|\.?netrc|_netrc|\.pgpass|\.git-credentials|\.dockercfg|\.htpasswd|\.s3cfg|\.boto"
    r"|terraform\.tfstate|kubeconfig|id_|\.npmrc|\.pypirc|\.?\w*\.kubeconfig|\.(?:aws|ssh|gnupg|kube)/"
    r"|\.docker/config\.json)|\.(?:pem|key|p12|pfx|jks|keystore|ppk|kdbx|p8|tfstate|kubeconfig)$",
    re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(r"(?:^|/)id_[^/.]+$", re.IGNORECASE)
_WITH_LOGIN = re.compile(r"(?:^|/)(?:\.npmrc|\.pypirc|\.docker/config\.json)$", re.IGNORECASE)
_LOGIN = re.compile(rb"_auth|_password|^\s*password\s*[=:]|\"auth\"", re.IGNORECASE | re.MULTILINE)
_MAY_HOLD_SECRETS = "may hold secrets"
_READ_AT_MOST = 64 * 1024
_MODES = {"100644", "100755", "120000"}


def is_environment_file(name: str) -> bool:
    """Whether a file of this name holds a program's environment, secrets included."""
    return name.lower().startswith(".env") and withheld_by_name(name)


def withheld_by_name(path: str) -> bool:
    """Whether a file of this name is never shown, whatever it holds."""
    if not _LIKELY.search(path) or first_match(path, EXAMPLES, folders="none"):
        return False
    return bool(_PRIVATE_KEY.search(path) or first_match(path, PATTERNS, folders="none"))


def withheld_in(
    private: PrivateRepo, tree: str, base: str, *, withholds_more: bool = True
) -> dict[str, str]:
    """Return path -> reason of the files of a tree that no model is shown.

    `.kiroignore` is read from `base`, so that a change cannot show what was hidden. With
    `withholds_more` that of the tree counts as well: not for the change of somebody else, who would
    hide it from its review.
    """
    entries = private.entries(tree)
    found = {
        entry.path: _MAY_HOLD_SECRETS
        for entry in entries
        if entry.mode in _MODES and _is_withheld(entry, lambda e: _start(private, e))
    }
    paths = [entry.path for entry in entries if entry.mode in _MODES]
    for version in dict.fromkeys((base, tree) if withholds_more else (base,)):
        if private.reader(version).entry(".kiroignore"):
            found = {**kiroignored(private, version, paths), **found}
    found.pop(".kiroignore", None)
    return found


def shown_tree(
    private: PrivateRepo, tree: str, hidden: Mapping[str, str], number: Callable[[str], str]
) -> str:
    """Return the tree with a sentence in place of each hidden file.

    Two versions of a file have two sentences, so that a diff tells that it changed; `number` makes
    a short mark of a content's id that tells nothing about the content.
    """
    if not hidden:
        return tree
    reader = private.reader(tree)
    contents: dict[str, bytes | None] = {}
    for path, reason in hidden.items():
        entry = reader.entry(path)
        if entry:
            mark = number(entry.oid)
            contents[path] = f"withheld by reviewloop: {reason} (version {mark})\n".encode()
    return private.edit(tree, contents, dict.fromkeys(contents, "100644"))


def _is_withheld(entry: FileEntry, read: Callable[[FileEntry], bytes]) -> bool:
    if not _LIKELY.search(entry.path):
        return False
    if _WITH_LOGIN.search(entry.path):
        return _LOGIN.search(read(entry)) is not None
    return withheld_by_name(entry.path)


def _start(private: PrivateRepo, entry: FileEntry) -> bytes:
    return private.pool.read(entry.oid, _READ_AT_MOST) or b""
