"""Which rights in a cluster must be fixed, and which are worth a second look."""

import pytest
from support.rule_examples import BY_NAME

from reviewloop.analysis.contract import SourceFile

CHECK = BY_NAME["kubernetes"]
ROLE = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nrules:\n"
    "- apiGroups: ['*']\n  resources: {resources}\n  verbs:\n  - {verbs}\n"
)
BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nroleRef:\n  kind: ClusterRole\n"
    "  name: {role}\nsubjects:\n- kind: {subject}\n  name: {name}\n"
)
POD = (
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a:1\n    resources:\n"
    "      limits: {{cpu: 1}}\n    securityContext:\n      capabilities:\n        add: [{}]\n"
)
COMPOSE = "services:\n  a:\n    image: a:1\n    cap_add:\n      - {}\n"


def said(text, path="deploy/a.yaml"):
    severities = {rule.id: rule.severity for rule in CHECK.rules}
    hits = CHECK.run(SourceFile(path, text, language="yaml"))
    return [(hit.severity or severities[hit.rule]).value for hit in hits]


@pytest.mark.parametrize(
    ("kind", "resources", "verbs", "wanted"),
    [
        ("ClusterRole", "['*']", '"*"', ["must_fix"]),
        ("ClusterRole", "\n  - '*'", "'*'", ["must_fix"]),
        ("Role", "['*']", '"*"', ["should_fix"]),
        ("ClusterRole", "[pods]", '"*"', ["should_fix"]),
        ("ClusterRole", "['*']", "get", ["should_fix"]),
        ("ClusterRole", "[pods]", "get", []),
    ],
)
def test_a_role_over_all_of_the_cluster_must_be_fixed(kind, resources, verbs, wanted):
    assert said(ROLE.format(kind=kind, resources=resources, verbs=verbs)) == wanted


@pytest.mark.parametrize(
    ("kind", "role", "subject", "name", "wanted"),
    [
        ("ClusterRoleBinding", "cluster-admin", "ServiceAccount", "ci", ["must_fix"]),
        ("ClusterRoleBinding", "cluster-admin", "Group", "system:authenticated", ["must_fix"]),
        ("ClusterRoleBinding", "cluster-admin", "Group", "operators", ["should_fix"]),
        ("RoleBinding", "cluster-admin", "ServiceAccount", "ci", ["should_fix"]),
        ("ClusterRoleBinding", "view", "ServiceAccount", "ci", []),
    ],
)
def test_a_program_with_every_right_in_the_cluster_must_be_fixed(kind, role, subject, name, wanted):
    assert said(BINDING.format(kind=kind, role=role, subject=subject, name=name)) == wanted


def test_a_role_is_judged_by_its_own_document():
    role = ROLE.format(kind="Role", resources="['*']", verbs='"*"')
    cluster = BINDING.format(kind="ClusterRoleBinding", role="view", subject="User", name="a")
    assert said(f"{cluster}---\n{role}") == ["should_fix"]


@pytest.mark.parametrize(
    ("capability", "wanted"),
    [
        ("SYS_ADMIN", ["must_fix"]),
        ("CAP_SYS_ADMIN", ["must_fix"]),
        ("ALL", ["must_fix"]),
        ("NET_ADMIN", ["should_fix"]),
        ("CAP_SYS_PTRACE", ["should_fix"]),
        ("NET_BIND_SERVICE", []),
    ],
)
def test_capabilities_that_are_root_on_the_node_must_be_fixed(capability, wanted):
    assert said(POD.format(capability)) == wanted
    assert said(COMPOSE.format(capability), "compose.yaml") == wanted
