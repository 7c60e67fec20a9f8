"""Drafts the first files of a repository: steering from what is there, and a spec to fill in."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from reviewloop.analysis.languages import is_test_name, language_of
from reviewloop.dataclass import dataclass
from reviewloop.git.repository import UserRepo
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import DiskFiles, Files, decode, in_folder
from reviewloop.specs.steering import steering_on_disk

_MOST = 12  # folders and languages listed in a draft
_CODE = 3  # files; a language with fewer is not listed beside others
_SHORTEST_TEXT, _LONGEST_TEXT = 20, 300  # characters of a description
_MANIFESTS = (
    *("pyproject.toml", "setup.cfg", "requirements.txt", "package.json", "go.mod", "Cargo.toml"),
    *("pom.xml", "build.gradle", "Gemfile", "composer.json", "Makefile", "Dockerfile"),
    *("docker-compose.yml", "compose.yml", "template.yaml", "cdk.json", "main.tf"),
)
_NO_CODE = frozenset({"", "markdown", "json", "yaml", "toml", "text", "github-workflow"})
_DRAFT = "<!-- A draft from what was found here. Correct it: agents get it with every task. -->\n"

_REQUIREMENTS = """# Requirements: first change

<!-- Fill in and delete what does not fit, or let `reviewloop spec new NAME -m IDEA` write it. -->

## Introduction

<!-- What is to be built, for whom, and why; what is out of scope. -->

## Requirements

<!--
### Requirement 1: Title

**User Story:** As a …, I want …, so that …

#### Acceptance Criteria

1. WHEN …, THE SYSTEM SHALL …
2. IF …, THEN THE SYSTEM SHALL …
-->
"""
_TASKS = """# Implementation Plan: first change

<!--
A task is a check box with a number; `reviewloop run 1` implements it.

- [ ] 1. Title
  - What is to be done, and in which files: `src/…`
  - How it shows that it is done
  - _Requirements: 1.1_
-->
"""


@dataclass(frozen=True)
class NewFile:
    """A file to write; its path is relative to the repository."""

    path: str
    text: str


def starting_files(repo: UserRepo, gates: Mapping[str, str]) -> list[NewFile]:
    """Return the missing files; `gates` say how the repository is built and tested."""
    base = f"{repo.project}/" if repo.project else ""
    files = in_folder(DiskFiles(repo.root), repo.project)
    paths = list(files.paths())
    found: list[NewFile] = []
    own = [item for item in steering_on_disk(repo.root, (), "", folder=repo.project).items
           if item.scope == "project"]  # fmt: skip
    specs = list(find_specs(DiskFiles(repo.root), repo.project))
    begins_spec = not specs and not any(path.startswith(".kiro/specs/") for path in paths)
    if not own:
        has_kiro = begins_spec or any(path.startswith(".kiro/") for path in paths)
        folder = f"{base}{'.kiro' if has_kiro else '.reviewloop'}/steering"
        found.append(NewFile(f"{folder}/product.md", _product(files)))
        found.append(NewFile(f"{folder}/tech.md", _tech(paths, gates)))
        found.append(NewFile(f"{folder}/structure.md", _structure(paths)))
    started = f"{base}.kiro/specs/first-change"
    if begins_spec:
        found.append(NewFile(f"{started}/requirements.md", _REQUIREMENTS))
        found.append(NewFile(f"{started}/tasks.md", _TASKS))
    return found


def _product(files: Files) -> str:
    """Return a draft from the project's description of itself: its manifests and the README."""
    described = [f"- `{path}`: {text}" for path, text in _descriptions(files)]
    return "\n".join(
        [
            _DRAFT,
            *("# Product", ""),
            *(described or ["- nothing describes it yet"]),
            *("", "## Who it is for", "", "<!-- its users, and what they want from it -->"),
            *("", "## What it never does", "", "<!-- what is out of scope, on purpose -->"),
            "",
        ]
    )


def _descriptions(files: Files) -> Iterator[tuple[str, str]]:
    with suppress(tomllib.TOMLDecodeError):
        project = tomllib.loads(decode(files.read("pyproject.toml") or b"")).get("project")
        if isinstance(project, dict) and isinstance(text := project.get("description"), str):
            yield "pyproject.toml", _short(text)
    with suppress(ValueError):
        package = json.loads(files.read("package.json") or b"{}")
        if isinstance(package, dict) and isinstance(text := package.get("description"), str):
            yield "package.json", _short(text)
    readme = next((path for path in files.paths() if path.casefold() == "readme.md"), "")
    for block in decode(files.read(readme) or b"").split("\n\n") if readme else ():
        words = block.strip()
        if words and words[0] not in "#<![`|-*=" and len(words) > _SHORTEST_TEXT:
            yield readme, _short(words)
            break


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT].rsplit(' ', 1)[0]} ..."


def _tech(paths: Sequence[str], gates: Mapping[str, str]) -> str:
    counts = Counter(
        language
        for path in paths
        if not path.startswith(".") and (language := language_of(path)) not in _NO_CODE
    )
    often = [pair for pair in counts.most_common(_MOST) if pair[1] >= _CODE]
    languages = [
        f"- {name}: {counted(count, 'file')}"
        for name, count in often or counts.most_common(_MOST)  # a new project has few
    ]
    manifests = [f"- `{path}`" for path in paths if path in _MANIFESTS]
    commands = [f"- {name}: {text}" for name, text in gates.items() if text]
    return "\n".join(
        [
            _DRAFT,
            *("# Technology", ""),
            *(languages or ["- no code yet"]),
            *("", "## Described in", ""),
            *(manifests or ["- nothing that is known here"]),
            *("", "## Checked by", ""),
            *(commands or ["- nothing was detected"]),
            "",
        ]
    )


def _structure(paths: Sequence[str]) -> str:
    inside = Counter(path.partition("/")[0] for path in paths if "/" in path)
    tests = Counter(
        path.rpartition("/")[0] or "." for path in paths if is_test_name(path) and path[0] != "."
    )
    folders = [
        f"- `{name}/`: {counted(count, 'file')}"
        for name, count in inside.most_common()
        if not name.startswith(".")
    ]
    where = [f"- `{name}`" for name, _ in tests.most_common(3)]
    return "\n".join(
        [
            _DRAFT,
            *("# Structure", ""),
            *(folders[:_MOST] or ["- no folders yet"]),
            *("", "## Tests", ""),
            *(where or ["- none were found"]),
            "",
        ]
    )
