"""Gathers what the text of a pull request has to say, and who should look at it."""

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reviewloop.app.project import Repository
from reviewloop.app.run.view import RunView
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.globs import Folders, fits
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError
from reviewloop.github.publishing.text import PullTextParts, is_test
from reviewloop.specs.briefing import TaskRequirements, asked_of
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles, TreeFiles

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # the first that exists counts
MOST = 5  # people or teams suggested
_LARGEST = 3 * 1024 * 1024  # bytes; GitHub loads no larger file
_MOST_ASKED = 5  # files whose commits are looked at
_OWNER = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:/[A-Za-z0-9._-]{1,100})?)")


@dataclass(frozen=True)
class _Rule:
    fits: Callable[[str], bool]
    owners: tuple[str, ...]


def suggested(
    paths: Sequence[str],
    read: Callable[[str], bytes | None],
    client: GitHub | None,
    *,
    ref: str,
    never: Iterable[str] = (),
) -> tuple[str, ...]:
    """Return logins and teams (`org/team`), the one with the most files first.

    `read` gives a file of the base commit `ref`. Authors of commits are asked for where nobody owns
    a file and there is a client; that it fails only means fewer suggestions.
    """
    rules = codeowners(read)
    excluded = {name.lower() for name in never}
    owned, orphans = Counter[str](), []
    for path in paths:
        owners = owners_of(rules, path)
        owned.update(owners or ())
        if not owners:
            orphans.append(path)
    authors = _authors(orphans, client, ref) if client else Counter[str]()
    ranked = [name for name, _ in owned.most_common()] + [name for name, _ in authors.most_common()]
    kept = [n for n in dict.fromkeys(ranked) if n.lower() not in excluded and not _is_bot(n)]
    return tuple(kept[:MOST])


def codeowners(read: Callable[[str], bytes | None]) -> tuple[_Rule, ...]:
    """Return the rules of the file that GitHub would take; no rules when there is none."""
    for place in PLACES:
        data = read(place)
        if data is not None:
            text = data.decode("utf-8", "replace") if len(data) < _LARGEST else ""
            return tuple(rule for line in text.splitlines() if (rule := _rule(line)))
    return ()


def owners_of(rules: Sequence[_Rule], path: str) -> tuple[str, ...]:
    """Return the owners of a file: those of the last rule that fits, which may name nobody."""
    for rule in reversed(rules):
        if rule.fits(path):
            return rule.owners
    return ()


def _rule(line: str) -> _Rule | None:
    """Read a line; one that GitHub skips as wrong (`!`, `[`), and addresses of mail, are left."""
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    words = re.split(r"(?<!\\)\s+", line) if line else []
    if not words or words[0].startswith("!") or "[" in words[0]:
        return None
    names = [found[1] for word in words[1:] if (found := _OWNER.fullmatch(word))]
    # As in .gitignore, only that `folder/*` goes one level down.
    one_level = "/" in words[0].rstrip("/") and words[0].endswith("/*")
    folders: Folders = "named" if one_level else "all"
    pattern = words[0].replace("\\ ", " ")
    return _Rule(fits(pattern, case=True, rooted=True, folders=folders), tuple(names))


def _authors(paths: Sequence[str], client: GitHub, ref: str) -> Counter[str]:
    """Count who wrote the latest commits of some files, as far as GitHub knows their login."""
    counts: Counter[str] = Counter()
    for path in paths[:_MOST_ASKED]:
        try:
            found = client.ask("/commits", {"path": path, "sha": ref, "per_page": 10})
            logins = [_author(Fields(item, "commit")) for item in found]
        except GitHubError:
            return counts
        counts.update(login for login in logins if login)
    return counts


def _author(commit: Fields) -> str:
    """Return the login of an author who is a person, else ""."""
    if not commit.has("author") or not commit.inside("author").has("login"):
        return ""  # no account has this address; GitHub also answers {}
    login, is_bot = commit.author("author")
    return "" if is_bot else login


def _is_bot(login: str) -> bool:
    return login.endswith(("[bot]", "-bot"))


_MOST_READ = 20  # changed test files in which criteria are looked for


def told_of(repository: Repository, seen: RunView, client: GitHub | None) -> PullTextParts:
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
    return PullTextParts(seen.record.run_id, proposal, asked, _named_in(seen, asked, paths), names)


def _me(client: GitHub | None) -> str:
    """Return who will be the author of the pull request, as far as the token may ask."""
    with contextlib.suppress(GitHubError):
        return client.me() if client else ""
    return ""


def _asked(repository: Repository, seen: RunView) -> TaskRequirements:
    """Return what the spec says at the run's base; an untracked one is read where it lies."""
    record = seen.record
    if not record.task_id or not record.spec_path:
        return TaskRequirements()
    reader = seen.private.reader(seen.private.tree_of(record.base_commit))
    for files in (TreeFiles(reader), DiskFiles(repository.user.root)):
        try:
            spec = open_spec(files, record.spec_path)
        except ReviewLoopError:
            continue
        task = next((one for one in spec.tasks if one.id == record.task_id), None)
        if task is not None:
            return asked_of(spec, task)
    return TaskRequirements()


def _named_in(
    seen: RunView, asked: TaskRequirements, paths: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Return which criteria are named, by their ids, in which changed test files."""
    found = []
    for path in [path for path in paths if is_test(path)][:_MOST_READ]:
        text = (seen.private.read(seen.proposal["tree"], path) or b"").decode("utf-8", "replace")
        for key, _ in asked.criteria:
            if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w]|\.\d)", text):
                found.append((key, path))
    return tuple(found)
