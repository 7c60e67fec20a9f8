"""Table: workloads of Kubernetes and settings of GitHub as Terraform resources."""

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.rules.infra import access, exposure
from reviewloop.rules.infra.examples import terraform
from reviewloop.rules.infra.facts import (
    Entry,
    avoid,
    false,
    holds,
    if_set,
    is_in,
    like,
    more,
    need,
    present,
    true,
)

_PODS = "kubernetes_pod,kubernetes_pod_v1"
_TEMPLATES = ",".join(
    f"kubernetes_{name}{version}"
    for name in (
        "deployment",
        "daemonset",
        "daemon_set",
        "stateful_set",
        "job",
        "replication_controller",
    )
    for version in ("", "_v1")
)
_CRON = "kubernetes_cron_job,kubernetes_cron_job_v1"
_OWNERS = (
    (_PODS, "spec"),
    (_TEMPLATES, "spec.template.spec"),
    (_CRON, "spec.job_template.spec.template.spec"),
)
_HOST_CAPABILITIES = holds("ALL", "SYS_ADMIN", "SYS_MODULE")
_CAPABILITIES = holds("NET_ADMIN", "NET_RAW", "SYS_PTRACE")
_ENGINE_SOCKET = like(r"^/$|/(?:docker|containerd|crio|cri-dockerd)\.sock$")
_HOST_FOLDERS = like(
    r"^/(?:etc|var|run|root|boot|dev|proc|sys|usr|home|lib|bin)/?$|^/var/lib/(?:docker|kubelet)"
)


def _each(test_path: str) -> tuple[str, ...]:
    return tuple(
        f"{kinds} {base}.{part}[].{test_path}"
        for kinds, base in _OWNERS
        for part in ("container", "init_container")
    )


def _pod(test_path: str) -> tuple[str, ...]:
    return tuple(f"{kinds} {base}.{test_path}" for kinds, base in _OWNERS)


LIMITS = Entry(
    Rule(
        id="infra/container-limits",
        reviewer=INFRASTRUCTURE,
        severity=NIT,
        title="the container is not limited, not watched, or not pinned",
        why="A container without limits starves its neighbours; without a probe nobody notices"
        " that it hangs; a tag that moves runs what nobody tested.",
        fix="Set limits and requests, a probe, and an image by version or digest.",
        category="availability",
        source="https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
        bad=terraform(
            'resource "kubernetes_pod" "a" {; spec {; container {; image = "nginx:latest"; }; }; }'
        ),
        good=terraform(
            'resource "kubernetes_pod" "a" {; spec {; container {'
            '; image = "nginx:1.27"; resources {; limits = {}; }; }; }; }'
        ),
    ),
    (*avoid(like(r":latest$"), *_each("image"), says="the tag moves"),),
)
WORKLOADS = Entry(
    Rule(
        id="infra/pod-privileges",
        reviewer=SECURITY,
        severity=SHOULD,
        title="the pod has rights that let it out of its container",
        why="Whoever breaks into the container gets the node, and with it every pod on it.",
        fix="Run as a user that is not root, without privilege escalation and capabilities.",
        category="access-control",
        source="https://kubernetes.io/docs/concepts/security/pod-security-standards/",
        bad=terraform('resource "kubernetes_pod" "a" {; spec {; host_network = true; }; }'),
        good=terraform('resource "kubernetes_pod" "a" {; spec {; host_network = false; }; }'),
    ),
    (
        *avoid(true, *_each("security_context.privileged"), severity=MUST),
        *avoid(true, *_each("security_context.allow_privilege_escalation")),
        *avoid(true, *_pod("host_network"), *_pod("host_pid"), *_pod("host_ipc")),
        *avoid(
            _HOST_CAPABILITIES,
            *_each("security_context.capabilities.add"),
            severity=MUST,
            says="with it the container does as root of the node does",
        ),
        *avoid(_CAPABILITIES, *_each("security_context.capabilities.add")),
        *avoid(
            is_in("0"),
            *_each("security_context.run_as_user"),
            *_pod("security_context.run_as_user"),
        ),
        *avoid(
            false,
            *_each("security_context.run_as_non_root"),
            *_pod("security_context.run_as_non_root"),
            *_each("security_context.read_only_root_filesystem"),
        ),
        *avoid(
            _ENGINE_SOCKET,
            *_pod("volume.host_path.path"),
            "kubernetes_persistent_volume spec.persistent_volume_source.host_path.path",
            severity=MUST,
            says="whoever can write to the engine's socket, or to the node's root, owns the node",
        ),
        *avoid(
            _HOST_FOLDERS,
            *_pod("volume.host_path.path"),
            "kubernetes_persistent_volume spec.persistent_volume_source.host_path.path",
            says="a folder of the node is mounted",
        ),
        *avoid(
            true,
            *_pod("automount_service_account_token"),
            severity=NIT,
            says="the pod can talk to the API server without need",
        ),
        *avoid(
            true,
            *(
                f"kubernetes_pod_security_policy,kubernetes_pod_security_policy_v1beta1 spec.{name}"
                for name in (
                    "privileged",
                    "allow_privilege_escalation",
                    "host_network",
                    "host_pid",
                    "host_ipc",
                )
            ),
        ),
        *avoid(is_in("RunAsAny"), "kubernetes_pod_security_policy spec.run_as_user.rule"),
        *need(
            present,
            *_each("security_context"),
            severity=NIT,
            says="nothing limits what its processes may do on the node",
        ),
    ),
)
ROLES = more(
    access.ADMIN_ATTACHED,
    *avoid(
        holds("*"),
        "kubernetes_cluster_role,kubernetes_cluster_role_v1 rule[].verbs",
        when=if_set("@resources", holds("*")),
        severity=MUST,
        says="the role may do everything to everything in the cluster",
    ),
    *avoid(
        holds("*"),
        "kubernetes_role,kubernetes_cluster_role,kubernetes_role_v1,kubernetes_cluster_role_v1"
        " rule.verbs",
        "kubernetes_role,kubernetes_cluster_role,kubernetes_role_v1,kubernetes_cluster_role_v1"
        " rule.resources",
        says="the role may do everything, or act on everything",
    ),
    *avoid(
        is_in("cluster-admin"),
        "kubernetes_cluster_role_binding,kubernetes_cluster_role_binding_v1 role_ref.name",
        when=if_set("subject.kind", is_in("ServiceAccount")),
        severity=MUST,
        says="a program of the cluster gets every right in it",
    ),
    *avoid(
        is_in("cluster-admin"),
        "kubernetes_cluster_role_binding,kubernetes_cluster_role_binding_v1,"
        "kubernetes_role_binding,kubernetes_role_binding_v1 role_ref.name",
    ),
    *avoid(
        is_in("default"), "kubernetes_role_binding,kubernetes_cluster_role_binding subject.name"
    ),
)
REPOSITORIES = more(
    access.OPEN_ENDPOINT,
    *avoid(
        is_in("public"),
        "github_repository visibility",
        severity=NIT,
        says="everybody can read the repository",
    ),
    *avoid(
        false, "github_repository private", severity=NIT, says="everybody can read the repository"
    ),
    *avoid(
        false,
        "github_branch_protection,github_branch_protection_v3 require_signed_commits",
        "github_repository vulnerability_alerts",
        severity=NIT,
        says="a guard of the repository is off",
    ),
)
PLAIN_SERVICE = more(
    exposure.PUBLIC_ADDRESS,
    *avoid(is_in("NodePort"), "kubernetes_service,kubernetes_service_v1 spec.type", severity=NIT),
)

ENTRIES = (LIMITS, WORKLOADS, ROLES, REPOSITORIES, PLAIN_SERVICE)
