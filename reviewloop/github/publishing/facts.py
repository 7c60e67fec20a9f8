"""Gathers what a run has to say for the text of its pull request: spec, tests, reviewers."""

import contextlib
import re
from collections.abc import Sequence

from reviewloop.app.project import Repository
from reviewloop.app.run.view import RunView
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError
from reviewloop.github.publishing.reviewers import suggested
from reviewloop.github.publishing.text import Told, is_test
from reviewloop.specs.briefing import Asked, asked_of
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, TreeFiles

_MOST_READ = 20  # changed test files in which criteria are looked for


def told_of(repository: Repository, seen: RunView, client: GitHub | None) -> Told:
    """Return what the text of the pull request of a run is made of."""
    proposal, base = seen.proposal, seen.record.base_commit
    asked = _asked(repository, seen)
    paths = [file["path"] for file in proposal.get("files", [])]
    tree = seen.private.tree_of(base)
    names = suggested(
        paths,
        lambda path: seen.private.read(tree, path),
        client,
        ref=base,
        never=(seen.record.approved_by, _me(client)),
    )
    return Told(seen.record.run_id, proposal, asked, _named_in(seen, asked, paths), names)


def _me(client: GitHub | None) -> str:
    """Return who will be the author of the pull request, as far as the token may ask."""
    with contextlib.suppress(GitHubError):
        return client.me() if client else ""
    return ""


def _asked(repository: Repository, seen: RunView) -> Asked:
    """Return what the spec says at the run's base; an untracked one is read where it lies."""
    record = seen.record
    if not record.task_id or not record.spec_path:
        return Asked()
    reader = seen.private.reader(seen.private.tree_of(record.base_commit))
    for files in (TreeFiles(reader), DiskFiles(repository.user.root)):
        try:
            spec = open_spec(files, record.spec_path)
        except ReviewLoopError:
            continue
        task = next((one for one in spec.tasks if one.id == record.task_id), None)
        if task is not None:
            return asked_of(spec, task)
    return Asked()


def _named_in(seen: RunView, asked: Asked, paths: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return which criteria are named, by their ids, in which changed test files."""
    found = []
    for path in [path for path in paths if is_test(path)][:_MOST_READ]:
        text = (seen.private.read(seen.proposal["tree"], path) or b"").decode("utf-8", "replace")
        for key, _ in asked.criteria:
            if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w]|\.\d)", text):
                found.append((key, path))
    return tuple(found)
