"""Kubernetes rules on rights in a cluster, by roles and bindings.

Each function is called for every entry of a file; `compose` is true for compose files.
"""

import re

from reviewloop.analysis.contract import MUST
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.k8s.manifests import Entry, Flaw, document_around, kind_around, siblings

_OF_PROGRAMS = regex(
    r"\bServiceAccount\b|\bsystem:(?:serviceaccount|authenticated|unauthenticated|anonymous)"
)
_STAR = regex(r"(?:^|[\s\[\"'-])\*(?:[\s\]\"',]|$)")
_WITHOUT_LOGIN = frozenset({"system:anonymous", "system:unauthenticated"})
_ROLE_OF_SYSTEM = regex(r"^roleRef:\s*(?:\n\s+\w+:.*)*?\n\s+name:\s*[\"']?system:", re.MULTILINE)
_WORD = regex(r"[a-z*][\w*./:-]*", re.IGNORECASE)
_READING = frozenset({"get", "list", "watch", "*"})
_WRITING = frozenset({"create", "update", "patch", "*"})
# Verbs that escalate rights, with the resources for which `*` includes them.
_MORE_RIGHTS = {
    "escalate": {"roles", "clusterroles"},
    "bind": {"roles", "clusterroles"},
    "impersonate": {"users", "groups", "serviceaccounts"},
}
# Resources that escalate rights, with the verbs needed for it.
_WAYS = {
    "nodes/proxy": _READING | _WRITING,
    "serviceaccounts/token": frozenset({"create", "*"}),
    "certificatesigningrequests/approval": _WRITING,
    "mutatingwebhookconfigurations": _WRITING,
    "pods/exec": frozenset({"create", "get", "*"}),
}


def find_takes_more_rights(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/takes-more-rights."""
    if compose or entry.key != "verbs" or entry.parent != "rules":
        return None
    verbs, resources, limited = _rule_around(entry)
    everywhere = kind_around(entry) == "ClusterRole"
    if limited or "*" in resources:
        return None  # everything-allowed covers all resources
    for verb, objects in _MORE_RIGHTS.items():
        if verb in verbs or ("*" in verbs and objects & resources):
            message = f"`{verb}` lets its holder take rights that the role does not have."
            return Flaw(message, MUST if everywhere else None)
    for resource, needed in _WAYS.items() if everywhere else ():
        if resource in resources and needed & verbs:
            return Flaw(f"`{resource}` leads to rights that the role does not have.")
    return None


def find_reads_all_secrets(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/reads-all-secrets."""
    if compose or entry.key != "verbs" or entry.parent != "rules":
        return None
    verbs, resources, limited = _rule_around(entry)
    if limited or "secrets" not in resources or not verbs & _READING:
        return None
    return Flaw() if kind_around(entry) == "ClusterRole" else None


def _rule_around(entry: Entry) -> tuple[set[str], set[str], bool]:
    """Return verbs and resources of a rule, and whether it names single objects."""
    around = siblings(entry)
    verbs, resources = (set(_WORD.findall(around.get(key, ""))) for key in ("verbs", "resources"))
    return verbs, resources, "resourceNames" in around


def _is_open_to_all(entry: Entry) -> bool:
    """Whether a binding is for anonymous users; the system's own roles may be."""
    named = entry.key == "name" and entry.parent == "subjects" and entry.value in _WITHOUT_LOGIN
    return named and _ROLE_OF_SYSTEM.search(document_around(entry)) is None


def find_everything_allowed(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/everything-allowed."""
    if compose:
        return None
    if _is_open_to_all(entry):
        return Flaw("Everybody who reaches the API server gets these rights without a login.", MUST)
    if entry.parent == "roleRef":
        if (entry.key, entry.value) != ("name", "cluster-admin"):
            return None
        return Flaw("The binding gives every right there is.", _severity_of_all(entry))
    if entry.key not in {"verbs", "resources"} or entry.parent != "rules":
        return None
    if not _STAR.search(entry.value):
        return None
    if not _all_of_all(entry):
        return Flaw("", _severity_of_all(entry))
    if entry.key != "verbs":
        return None
    return Flaw("The role may do everything to everything.", _severity_of_all(entry))


def _severity_of_all(entry: Entry) -> Severity | None:
    return MUST if _is_root_of_the_cluster(entry) else None


def _is_root_of_the_cluster(entry: Entry) -> bool:
    """Whether a service account gets every right in the whole cluster."""
    if not kind_around(entry).startswith("ClusterRole"):
        return False
    if entry.parent == "roleRef":
        return _OF_PROGRAMS.search(document_around(entry)) is not None
    return _all_of_all(entry)


def _all_of_all(entry: Entry) -> bool:
    """Whether the rule around names all verbs and all resources."""
    around = siblings(entry)
    return all(_STAR.search(around.get(key, "")) for key in ("verbs", "resources"))
