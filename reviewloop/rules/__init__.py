"""Patterns of our own for languages and files where no tool serves us well enough."""

from reviewloop.analysis.contract import FileCheck
from reviewloop.rules import docker, go, javascript, kubernetes, python, shell

CHECKS: tuple[FileCheck, ...] = (
    javascript.CHECK,
    go.CHECK,
    python.CHECK,
    python.TRUST,
    shell.CHECK,
    docker.CHECK,
    kubernetes.CHECK,
)
