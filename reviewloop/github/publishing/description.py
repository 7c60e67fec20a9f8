"""Reads how a hook with `generateDescription` wants the text of a pull request written."""

import re
from collections.abc import Callable, Sequence
from dataclasses import field

from reviewloop.app.project import Repository
from reviewloop.app.run.view import RunView
from reviewloop.dataclass import dataclass
from reviewloop.domain.task import Spec
from reviewloop.github.publishing.template import decode_template, find_template
from reviewloop.hooks.actions import GenerateDescription, options_of
from reviewloop.hooks.hook import DESCRIPTION, Hook
from reviewloop.hooks.reading import read_hooks
from reviewloop.regex import regex
from reviewloop.render.untrusted import one_line
from reviewloop.specs.files import TreeFiles, in_folder, inside
from reviewloop.store.folders import state_root
from reviewloop.store.trust import TrustStore

STANDARD = "standard"
_CRITERION = regex(
    r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(?P<text>.*\b(?:shall|must)\b.*)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Description:
    """How to write the text: a template ("" for ours), and the criteria of its source."""

    template: str = ""
    source: str = ""  # the file whose criteria are listed, "" for none
    criteria: tuple[tuple[str, str], ...] = ()  # id, "" where it has none, and text
    hook: str = ""
    notes: tuple[str, ...] = field(default=())


def description_of(repository: Repository, seen: RunView, spec: Spec | None) -> Description:
    """Return how to write the text of a run's pull request.

    The base commit decides: by a trusted hook, else by the repository's own template. A hook that
    cannot be followed is noted, and the text is written without it.
    """
    tree = seen.private.tree_of(seen.record.base_commit)
    project = seen.record.project

    def read(path: str) -> bytes | None:
        return seen.private.read(tree, path)

    plain = Description(template=find_template(read))
    hooks = read_hooks(in_folder(TreeFiles(seen.private.reader(tree)), project)).hooks
    changed = [file["path"] for file in seen.proposal.get("files", [])]
    hook = next((one for one in hooks if one.action == DESCRIPTION and _fits(one, changed)), None)
    if hook is None:
        return plain
    name = one_line(hook.name)
    if not TrustStore(state_root()).is_trusted(repository.user.key, hook.digest):
        note = f"the hook {name} is not trusted and did not write; see `reviewloop trust`"
        return Description(plain.template, notes=(note,))
    given = options_of(hook.action, hook.options)
    if not isinstance(given, GenerateDescription):
        return plain
    return _by_hook(name, given, plain.template, spec, read, project)


def _by_hook(
    name: str,
    given: GenerateDescription,
    own: str,
    spec: Spec | None,
    read: Callable[[str], bytes | None],
    project: str,
) -> Description:
    notes = []
    template = own
    if given.template != STANDARD:
        path = _located(given.template, (project, ""), read)
        template = decode_template(read(path) or b"") if path else ""
        if not template:
            notes.append(f"the hook {name}: the template {one_line(given.template)} is not there")
            template = own
    criteria: tuple[tuple[str, str], ...] = ()
    if given.source:
        path = _located(given.source, (spec.path if spec else "", project, ""), read)
        criteria = _criteria(path, spec, read) if path else ()
        if not criteria:
            why = "has no criteria" if path else "is not there"
            notes.append(f"the hook {name}: its source {one_line(given.source)} {why}")
    return Description(template, given.source, criteria, name, tuple(notes))


def _located(given: str, folders: Sequence[str], read: Callable[[str], bytes | None]) -> str:
    """Return the path of a named file in the first folder that has it, "" for none."""
    for folder in dict.fromkeys(folders):
        path = inside(given, folder)
        if path is not None and read(path) is not None:
            return path
    return ""


def _criteria(
    path: str, spec: Spec | None, read: Callable[[str], bytes | None]
) -> tuple[tuple[str, str], ...]:
    if spec is not None and path in spec.files:
        named = ((key, " ".join(text.split())) for key, text in spec.requirements.items())
        return tuple((key, text) for key, text in named if not text.startswith("#"))
    text = (read(path) or b"").decode("utf-8", "replace")
    found = (_CRITERION.match(line) for line in text.splitlines())
    return tuple(("", one["text"].strip()) for one in found if one)


def _fits(hook: Hook, changed: Sequence[str]) -> bool:
    return not hook.filters or any(hook.fits_path(path) for path in changed)
