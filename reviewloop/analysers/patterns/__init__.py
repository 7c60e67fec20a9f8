"""Patterns of our own for languages and files where no tool serves us well enough."""

from reviewloop.analysers.base import FileCheck
from reviewloop.analysers.patterns import docker, golang, javascript, kubernetes, python, shell

CHECKS: tuple[FileCheck, ...] = (
    javascript.CHECK,
    golang.CHECK,
    python.CHECK,
    python.TRUST,
    shell.CHECK,
    docker.CHECK,
    kubernetes.CHECK,
)
