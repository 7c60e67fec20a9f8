"""Patterns of our own for languages and files where no tool serves us well enough."""

from reviewloop.analysers.base import FileCheck
from reviewloop.analysers.patterns import docker, javascript

CHECKS: tuple[FileCheck, ...] = (javascript.CHECK, docker.CHECK)
