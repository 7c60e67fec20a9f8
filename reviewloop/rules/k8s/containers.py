"""Kubernetes and compose: rights, images and limits of containers.

Each function is asked about every entry of a file; `compose` tells compose files from manifests.
"""

import re

from reviewloop.analysis.contract import MUST, NIT
from reviewloop.domain.finding import Severity
from reviewloop.rules.k8s.manifests import Entry, Flaw
from reviewloop.rules.lazy_regex import Regex

_HOST = frozenset({"hostNetwork", "hostPID", "hostIPC"})
_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_CAPABILITY = Regex(
    r"\b(?:CAP_)?(SYS_ADMIN|ALL|NET_ADMIN|SYS_PTRACE|SYS_MODULE|DAC_READ_SEARCH|SYS_RAWIO)\b"
)
_HOST_CAPABILITY = Regex(r"\b(?:CAP_)?(?:SYS_ADMIN|ALL|SYS_MODULE)\b")
_KIND = Regex(r"^kind:\s*[\"']?(\w+)", re.MULTILINE)
_STAR = Regex(r"(?:^|[\s\[\"'-])\*(?:[\s\]\"',]|$)")
_OF_PROGRAMS = Regex(
    r"\bServiceAccount\b|\bsystem:(?:serviceaccount|authenticated|unauthenticated|anonymous)"
)
_TAGGED = Regex(r"[^/\s]+:(?!latest$)[\w][\w.\-]*$|@sha256:")
_SOCKETS = Regex(r"/(?:docker|containerd/containerd|crio/crio)\.sock\b")


def find_privileged(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/privileged."""
    return Flaw() if (entry.key, entry.value) == ("privileged", "true") else None


def find_host_namespace(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/host-namespace."""
    if compose:
        shared = entry.key in {"network_mode", "pid", "ipc"} and entry.value == "host"
        return Flaw() if shared and entry.path[:1] == ("services",) else None
    return Flaw() if entry.key in _HOST and entry.value == "true" else None


def find_runs_as_root(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/runs-as-root."""
    if compose:
        as_root = entry.key == "user" and re.fullmatch(r"(?:root|0)(?::.*)?", entry.value)
        return Flaw() if as_root else None
    set_to = (entry.key, entry.value)
    return Flaw() if set_to in {("runAsUser", "0"), ("runAsNonRoot", "false")} else None


def find_privilege_escalation(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/privilege-escalation."""
    return Flaw() if (entry.key, entry.value) == ("allowPrivilegeEscalation", "true") else None


def find_strong_capability(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/strong-capability."""
    added = (
        entry.key == "cap_add" if compose else entry.key == "add" and entry.parent == "capabilities"
    )
    found = _CAPABILITY.search(entry.value) if added else None
    if not found:
        return None
    severity = MUST if _HOST_CAPABILITY.search(entry.value) else None
    return Flaw(f"{found.group(1)} gives nearly everything root can do.", severity)


def find_untagged_image(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/untagged-image."""
    in_place = compose or entry.parent in _CONTAINERS
    if entry.key != "image" or not entry.plain or not in_place or not entry.value:
        return None
    if re.search(r"[${]", entry.value) or _TAGGED.search(entry.value):
        return None
    if compose and re.search(r"^\s*build:", _siblings(entry), re.MULTILINE):
        return None
    return Flaw(f"`{entry.value[:80]}` is another image every time.", NIT if compose else None)


def _siblings(entry: Entry) -> str:
    parent = entry.node.parent()
    return parent.text()[:5_000] if parent is not None else ""


def find_daemon_socket(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/daemon-socket."""
    if entry.key not in {"path", "volumes", "source"} or (entry.key == "path" and compose):
        return None
    if entry.key == "volumes" and not compose:
        return None
    return Flaw() if _SOCKETS.search(entry.value) else None


def find_no_limits(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/no-limits."""
    if compose or entry.key != "image" or entry.parent != "containers":
        return None
    around = _siblings(entry)
    return None if "limits:" in around or "{{" in around else Flaw()


def find_everything_allowed(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/everything-allowed."""
    if compose:
        return None
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
    """Whether a program of the cluster gets every right in all of it."""
    above = entry.node.ancestors()
    document = next((node.text() for node in above if node.kind() == "document"), "")
    kind = _KIND.search(document)
    if kind is None or not kind.group(1).startswith("ClusterRole"):
        return False
    if entry.parent == "roleRef":
        return _OF_PROGRAMS.search(document) is not None
    return _all_of_all(entry)


def _all_of_all(entry: Entry) -> bool:
    """Whether the rule around names all verbs and all resources."""
    around = {}
    parent = entry.node.parent()
    for pair in parent.children() if parent is not None else ():
        key, value = pair.field("key"), pair.field("value")
        if key is not None and value is not None:
            around[key.text().strip("\"'")] = value.text()
    return all(_STAR.search(around.get(key, "")) for key in ("verbs", "resources"))
