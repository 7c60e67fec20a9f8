"""Kubernetes and compose rules on rights, images and limits of containers.

Each function is called for every entry of a file; `compose` is true for compose files.
"""

import base64
import re

from reviewloop.analysis.contract import MUST, NIT, SHOULD
from reviewloop.regex import regex
from reviewloop.rules.infra.secrets_in_code import is_plain_word, is_secret
from reviewloop.rules.k8s.manifests import (
    Entry,
    Flaw,
    document_around,
    kind_around,
    siblings,
    siblings_of,
)

_HOST = frozenset({"hostNetwork", "hostPID", "hostIPC"})
_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
_CAPABILITY = regex(
    r"\b(?:CAP_)?(SYS_ADMIN|ALL|NET_ADMIN|SYS_PTRACE|SYS_MODULE|DAC_READ_SEARCH|SYS_RAWIO)\b"
)
_HOST_CAPABILITY = regex(r"\b(?:CAP_)?(?:SYS_ADMIN|ALL|SYS_MODULE)\b")
_TAGGED = regex(r"[^/\s]+:(?!latest$)[\w][\w.\-]*$|@sha256:")
# Programs whose work is to see, start or replace the containers beside them.
_WATCHES = regex(
    r"image:[^\n]*\b(?:traefik|portainer|watchtower|nginx-?proxy|acme-companion|docker-gen|cadvisor|dozzle|diun|glances"
    r"|docker-socket-proxy|autoheal|promtail|ouroboros|telegraf|netdata|homepage|ofelia|swarm-cronjob|shepherd"
    r"|filebeat|metricbeat|vector|fluent-?(?:bit|d)|alloy|datadog[\w/-]*|crowdsec|localstack|ryuk|lazydocker|selenoid"
    r"|(?:[\w-]*-)?(?:runner|agent|dind)|jenkins|dock(?:er|ge))(?:[-_:@\s]|$)",
    re.MULTILINE,
)
# Programs that measure the host or start containers themselves, and say that they need its rights.
_OF_THE_HOST = regex(
    r"image:[^\n]*\b(?:cadvisor|node-exporter|falco|netdata|docker:[\w.-]*dind|dind|binfmt|k3s|kind)\b"
)
_SOCKETS = regex(r"/(?:docker|containerd/containerd|crio/crio)\.sock\b")
# Folders of a node with its keys, tokens and sockets, and others that containers do not need.
_KEYS_OF_NODE = regex(
    r"^/(?:(?:etc|root|home|var|run)/?)?$|^/var/(?:run|lib/(?:kubelet|docker|containerd|etcd))/?$"
    r"|^/root/|^/etc/(?:kubernetes|ssh|shadow|passwd|sudoers|cron)"
)
_OF_NODE = regex(r"^/(?:boot|dev|proc|sys|usr|lib|bin)/?$|^/var/lib/(?:docker|kubelet)/")
_READ_ONLY = regex(r"\breadOnly:\s*true\b")
_FILLED_IN_LATER = regex(
    r"\{\{|\$[({]|change|replace|example|placeholder|dummy|your|todo|redact",
    re.IGNORECASE,
)


def find_privileged(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/privileged."""
    if (entry.key, entry.value) != ("privileged", "true"):
        return None
    needed = compose and _OF_THE_HOST.search(_service_around(entry))
    return Flaw(severity=SHOULD if needed else None)


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
    is_container = compose or entry.parent in _CONTAINERS
    if entry.key != "image" or not entry.plain or not is_container or not entry.value:
        return None
    if re.search(r"[${]", entry.value) or _TAGGED.search(entry.value):
        return None
    if compose and re.search(r"^\s*build:", _text_around(entry), re.MULTILINE):
        return None
    return Flaw(f"`{entry.value[:80]}` is another image every time.", NIT if compose else None)


def _text_around(entry: Entry) -> str:
    parent = entry.node.parent()
    return parent.text()[:5_000] if parent is not None else ""


def find_daemon_socket(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/daemon-socket."""
    if entry.key not in {"path", "volumes", "source"} or (entry.key == "path" and compose):
        return None
    if entry.key == "volumes" and not compose:
        return None
    if not _SOCKETS.search(entry.value):
        return None
    return Flaw(severity=SHOULD if compose and _WATCHES.search(_service_around(entry)) else None)


def _service_around(entry: Entry) -> str:
    """Return the text of the service that an entry of Compose belongs to."""
    around = [node.text() for node in entry.node.ancestors() if node.kind() == "block_mapping"]
    return around[0][:5_000] if around else ""


def find_no_limits(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/no-limits."""
    if compose or entry.key != "image" or entry.parent != "containers":
        return None
    around = _text_around(entry)
    return None if "limits:" in around or "{{" in around else Flaw()


def find_host_path(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/host-path."""
    if (entry.key, entry.parent) != ("path", "hostPath") or _SOCKETS.search(entry.value):
        return None
    if _KEYS_OF_NODE.search(entry.value):
        return Flaw(severity=None if _is_read_only(entry) else MUST)
    return Flaw() if _OF_NODE.search(entry.value) else None


def _is_read_only(entry: Entry) -> bool:
    """Whether the volume of a `hostPath` is mounted, and read-only everywhere."""
    above = (node for node in entry.node.ancestors() if node.field("key") is not None)
    volume = next(above, None)
    name = siblings_of(volume).get("name", "") if volume is not None else ""
    mounts = [
        item for item in re.split(r"(?m)^[ \t]*- ", document_around(entry)) if "mountPath:" in item
    ]
    named = [item for item in mounts if re.search(rf"\bname:\s*[\"']?{re.escape(name)}\b", item)]
    return bool(name and named) and all(_READ_ONLY.search(item) for item in named)


def find_literal_secret(entry: Entry, compose: bool) -> Flaw | None:
    """Find k8s/literal-secret; the message never holds the value."""
    if compose or not entry.plain:
        return None
    name, value = entry.key, entry.value
    if entry.parent == "env" and name == "value":
        name = siblings(entry).get("name", "")
        return _flaw_of(name, value) if _is_given_away(name, value) else None
    if entry.path not in {("stringData",), ("data",)}:
        return None
    plain, decoded = _is_given_away(name, value), _is_given_away(name, _decoded(value))
    if not plain and not decoded:
        return None  # before the lookup of the kind, which takes long
    kind = kind_around(entry)
    encoded = (kind, entry.parent) == ("Secret", "data")
    is_readable = kind in {"Secret", "ConfigMap"} and (decoded if encoded else plain)
    return _flaw_of(name, _decoded(value) if encoded else value) if is_readable else None


def _flaw_of(name: str, value: str) -> Flaw:
    weak = SHOULD if is_plain_word(value) else None
    return Flaw(f"{name} is a secret in plain text.", weak)


def _is_given_away(name: str, value: str) -> bool:
    if ("_" in name and name in value) or _FILLED_IN_LATER.search(value):
        return False  # the value is a placeholder, as in `API_KEY: API_KEY_VALUE`
    return is_secret(name, value)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""
