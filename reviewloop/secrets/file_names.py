"""Files that contain secrets by their nature, by name: no model sees their content."""

import re

from reviewloop.domain.globs import first_match
from reviewloop.regex import regex

WITHHELD_PATTERNS = (
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
"""Glob patterns of such files; key pairs and files with logins: see below."""

_EXAMPLES = ("**/.env[._-]{example,sample,template,dist}", "**/*.{example,sample,template,license}")
"""Files with these names are meant to be read; NAME.license holds the licence of NAME."""

_LIKELY = regex(
    r"(?:^|/)(?:\.env|\.?netrc|_netrc|\.pgpass|\.git-credentials|\.dockercfg|\.htpasswd|\.s3cfg|\.boto"
    r"|terraform\.tfstate|kubeconfig|id_|\.npmrc|\.pypirc|\.?\w*\.kubeconfig|\.(?:aws|ssh|gnupg|kube)/"
    r"|\.docker/config\.json)|\.(?:pem|key|p12|pfx|jks|keystore|ppk|kdbx|p8|tfstate|kubeconfig)$",
    re.IGNORECASE,
)
_PRIVATE_KEY = regex(r"(?:^|/)id_[^/.]+$", re.IGNORECASE)


def is_environment_file(name: str) -> bool:
    """Whether a file with this name holds a program's environment, secrets included."""
    return name.lower().startswith(".env") and withheld_by_name(name)


def withheld_by_name(path: str) -> bool:
    """Whether a file with this name is never shown, whatever its content."""
    if not _LIKELY.search(path) or first_match(path, _EXAMPLES, folders="none"):
        return False
    return bool(_PRIVATE_KEY.search(path) or first_match(path, WITHHELD_PATTERNS, folders="none"))
