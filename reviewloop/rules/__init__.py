"""Patterns of our own for languages and files where no tool serves us well enough."""

from reviewloop.analysis.contract import FileCheck
from reviewloop.rules import docker, go, js, k8s, py, sh

CHECKS: tuple[FileCheck, ...] = (
    js.CHECK,
    go.CHECK,
    py.CHECK,
    py.TRUST,
    sh.CHECK,
    docker.CHECK,
    k8s.CHECK,
)
