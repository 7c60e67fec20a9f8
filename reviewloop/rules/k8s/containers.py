"""Kubernetes and compose: rights, images and limits of containers."""

import re

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD
from reviewloop.rules.k8s.manifests import Entry, KubernetesRule, row
from reviewloop.rules.lazy_regex import Regex

_STANDARDS = "https://kubernetes.io/docs/concepts/security/pod-security-standards/"
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


def _privileged(entry: Entry, compose: bool) -> str | None:
    return "" if entry.key == "privileged" and entry.value == "true" else None


def _host(entry: Entry, compose: bool) -> str | None:
    if compose:
        shared = entry.key in {"network_mode", "pid", "ipc"} and entry.value == "host"
        return "" if shared and entry.path[:1] == ("services",) else None
    return "" if entry.key in _HOST and entry.value == "true" else None


def _root(entry: Entry, compose: bool) -> str | None:
    if compose:
        as_root = entry.key == "user" and re.fullmatch(r"(?:root|0)(?::.*)?", entry.value)
        return "" if as_root else None
    return (
        ""
        if (entry.key, entry.value) == ("runAsUser", "0")
        or (entry.key == "runAsNonRoot" and entry.value == "false")
        else None
    )


def _escalation(entry: Entry, compose: bool) -> str | None:
    return "" if (entry.key, entry.value) == ("allowPrivilegeEscalation", "true") else None


def _capabilities(entry: Entry, compose: bool) -> str | None:
    added = (
        entry.key == "cap_add" if compose else entry.key == "add" and entry.parent == "capabilities"
    )
    found = _CAPABILITY.search(entry.value) if added else None
    return f"{found.group(1)} gives nearly everything root can do." if found else None


def _host_capability(entry: Entry) -> bool:
    return _HOST_CAPABILITY.search(entry.value) is not None


def _image(entry: Entry, compose: bool) -> str | None:
    in_place = compose or entry.parent in _CONTAINERS
    if entry.key != "image" or not entry.plain or not in_place or not entry.value:
        return None
    if re.search(r"[${]", entry.value) or _TAGGED.search(entry.value):
        return None
    if compose and re.search(r"^\s*build:", _siblings(entry), re.MULTILINE):
        return None
    return f"`{entry.value[:80]}` is another image every time."


def _siblings(entry: Entry) -> str:
    parent = entry.node.parent()
    return parent.text()[:5_000] if parent is not None else ""


def _socket(entry: Entry, compose: bool) -> str | None:
    if entry.key not in {"path", "volumes", "source"} or (entry.key == "path" and compose):
        return None
    if entry.key == "volumes" and not compose:
        return None
    return "" if _SOCKETS.search(entry.value) else None


def _limits(entry: Entry, compose: bool) -> str | None:
    if compose or entry.key != "image" or entry.parent != "containers":
        return None
    around = _siblings(entry)
    return None if "limits:" in around or "{{" in around else ""


def _wildcard(entry: Entry, compose: bool) -> str | None:
    if compose:
        return None
    if entry.parent == "roleRef":
        named = (entry.key, entry.value) == ("name", "cluster-admin")
        return "The binding gives every right there is." if named else None
    if entry.key not in {"verbs", "resources"} or entry.parent != "rules":
        return None
    if not _STAR.search(entry.value):
        return None
    if not _all_of_all(entry):
        return ""
    return "The role may do everything to everything." if entry.key == "verbs" else None


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


RULES = (
    KubernetesRule(
        row(
            "privileged",
            SECURITY,
            MUST,
            _STANDARDS,
            title="The container has all rights of the host.",
            why="Whoever breaks into it owns the machine.",
            fix="Leave it out, and add the one capability that is needed.",
            bad="containers:\n- image: a:1\n  securityContext:\n    privileged: true\n---\n"
            "services:\n  a:\n    image: a:1\n    privileged: true\n",
            good="containers:\n- image: a:1\n  securityContext:\n    privileged: false",
        ),
        _privileged,
    ),
    KubernetesRule(
        row(
            "host-namespace",
            SECURITY,
            SHOULD,
            _STANDARDS,
            title="The container shares network or processes with the host.",
            why="It can reach services meant for the host alone, and see what others do.",
            fix="Leave it out; publish the ports that are needed.",
            bad="hostNetwork: true\n---\nservices:\n  a:\n    image: a:1\n    network_mode: host\n",
            good="hostNetwork: false\n---\nservices:\n  a:\n    image: a:1\n"
            "    network_mode: bridge\n",
        ),
        _host,
    ),
    KubernetesRule(
        row(
            "runs-as-root",
            SECURITY,
            SHOULD,
            _STANDARDS,
            title="The container's process runs as root.",
            why="Whoever breaks into it is nearer to the host.",
            fix="Set runAsNonRoot: true, and a user of the image.",
            bad="securityContext:\n  runAsUser: 0\n---\n"
            "services:\n  a:\n    image: a:1\n    user: root\n",
            good="securityContext:\n  runAsUser: 1000\n  runAsNonRoot: true",
        ),
        _root,
    ),
    KubernetesRule(
        row(
            "privilege-escalation",
            SECURITY,
            SHOULD,
            _STANDARDS,
            title="A process may gain more rights than it was started with.",
            why="Programs with the setuid bit then make root of any user.",
            fix="Set allowPrivilegeEscalation: false.",
            bad="containers:\n- image: a:1\n  securityContext: {allowPrivilegeEscalation: true}",
            good="containers:\n- image: a:1\n  securityContext: {allowPrivilegeEscalation: false}",
        ),
        _escalation,
    ),
    KubernetesRule(
        row(
            "strong-capability",
            SECURITY,
            SHOULD,
            _STANDARDS,
            title="The container gets a capability that is nearly root.",
            why="Whoever breaks into it can leave it.",
            fix="Add only what is needed, NET_BIND_SERVICE for example.",
            bad="containers:\n- image: a:1\n  securityContext:\n    capabilities:\n"
            "      add: [SYS_ADMIN]\n---\n"
            "services:\n  a:\n    image: a:1\n    cap_add:\n      - ALL\n",
            good="containers:\n- image: a:1\n  securityContext:\n    capabilities:\n"
            "      drop: [ALL]\n      add: [NET_BIND_SERVICE]",
        ),
        _capabilities,
        graver=_host_capability,
    ),
    KubernetesRule(
        row(
            "untagged-image",
            INFRASTRUCTURE,
            SHOULD,
            "https://kubernetes.io/docs/concepts/containers/images/",
            title="The image has no fixed version.",
            why="Two machines may run different programs, and nobody can go back.",
            fix="Name a version, or better a version and its digest.",
            bad="containers:\n- name: a\n  image: nginx\n---\n"
            "services:\n  a:\n    image: nginx:latest\n",
            good="containers:\n- image: nginx:1.27\n- image: a@sha256:12\n"
            "- image: {{ .Values.i }}\n"
            "---\nservices:\n  a:\n    build: .\n    image: app\n---\n"
            "services:\n  a:\n    image: localhost:5000/a:1\n",
        ),
        _image,
        NIT,
    ),
    KubernetesRule(
        row(
            "daemon-socket",
            SECURITY,
            MUST,
            "https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
            title="The container gets the socket of the container engine.",
            why="Whoever can write to it is root on the host.",
            fix="Use an interface with fewer rights.",
            bad="volumes:\n- name: s\n  hostPath:\n    path: /var/run/docker.sock\n---\n"
            "services:\n  a:\n    image: a:1\n    volumes:\n"
            "      - /var/run/docker.sock:/var/run/docker.sock\n",
            good="volumes:\n- name: s\n  hostPath:\n    path: /var/log\n---\n"
            "services:\n  a:\n    image: a:1\n    volumes:\n      - ./a:/a\n",
        ),
        _socket,
    ),
    KubernetesRule(
        row(
            "no-limits",
            INFRASTRUCTURE,
            NIT,
            "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
            title="The container has no limits.",
            why="A leak in it takes memory from everything else on the node.",
            fix="Set resources.limits.memory.",
            bad="containers:\n- name: a\n  image: a:1",
            good="containers:\n- name: a\n  image: a:1\n  resources:\n    limits: {memory: 1Gi}",
        ),
        _limits,
    ),
    KubernetesRule(
        row(
            "everything-allowed",
            SECURITY,
            SHOULD,
            "https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
            title="A role may do everything, or something to everything.",
            why="Whoever gets hold of its token can take over the cluster.",
            fix="Name the verbs and resources.",
            bad='apiVersion: v1\nkind: Role\nrules:\n- apiGroups: [""]\n  resources: ["*"]\n'
            "  verbs: [get]\n",
            good='apiVersion: v1\nkind: Role\nrules:\n- apiGroups: [""]\n  resources: [pods]\n'
            "  verbs: [get]\n",
        ),
        _wildcard,
        graver=_is_root_of_the_cluster,
    ),
)
