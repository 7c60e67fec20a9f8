"""Publishes a spec: its files on a branch, a draft pull request, and approvals given there."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from reviewloop.app.project import Repository, read_settings
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.brief import scratch_of
from reviewloop.app.spec.approval import (
    approvals_of,
    published_of,
    record_approval,
    remember_published,
    texts_of,
    untick_tasks,
)
from reviewloop.app.spec.plan import planned_files
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import GuardRailError, UsageError
from reviewloop.domain.task import Spec
from reviewloop.git.private import PrivateRepo
from reviewloop.git.revisions import OURS, safe_branch_name
from reviewloop.git.transfer import Remote, address_of, fetch, remote_head
from reviewloop.github.api.answers import Review
from reviewloop.github.api.client import GitHub, api_of
from reviewloop.github.comments.bodies import code, sanitise, sanitise_line
from reviewloop.github.publishing.pull import (
    Published,
    ask_reviewers,
    open_or_update,
    push_branch,
    require_base,
    require_free_branch,
)
from reviewloop.github.publishing.run import PublishRequest, parse_repo, remote_to
from reviewloop.github.publishing.text import section_of, suggest_reviewers
from reviewloop.guards.branch import check_branch
from reviewloop.render.text import counted
from reviewloop.specs.briefing import criteria_of
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.files import DiskFiles

_MOST_CRITERIA, _MOST_FILES = 150, 60
_WRITERS = frozenset({"admin", "maintain", "write"})
_VERDICTS = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})
_UNAPPROVED = (
    "⚠️ **Nobody has approved this spec yet.** An approving review of somebody who may write to "
    "this repository counts: `reviewloop spec publish {name}` reads it."
)


Redact = Callable[[str], str]


@dataclass(frozen=True)
class SpecOnGitHub:
    """A published spec, and who approved it there so far."""

    path: str
    published: Published
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Work:
    """The parts of one publication."""

    repository: Repository
    spec: Spec
    files: Mapping[str, bytes]  # the spec's own, as on disk
    options: PublishRequest
    client: GitHub
    private: PrivateRepo
    remote: Remote
    redact: Redact

    @property
    def branch(self) -> str:
        return f"{OURS}/spec-{safe_branch_name(self.spec.name)}"


def publish_spec(
    repository: Repository, name: str, options: PublishRequest, environ: Mapping[str, str]
) -> SpecOnGitHub:
    """Push the spec's files to a branch of their own and open or update its pull request.

    An approving review of the published texts is recorded as an approval of those texts. Raise a
    `ReviewLoopError`. Nothing is written to the checkout.
    """
    user = repository.user
    disk = DiskFiles(user.root)
    spec = read_spec(disk, spec_named(disk, name, user.project, user.here))
    if spec.problems:
        raise UsageError(f"{spec.problems[0]}; a spec with problems is not published")
    own = [one for one in spec.files if one == spec.path or one.startswith(f"{spec.path}/")]
    files = {path: data for path in own if (data := disk.read(path)) is not None}
    redact = redactor_of(user).for_people
    for path, data in files.items():
        text = data.decode("utf-8", "replace")
        if redact(text) != text:
            raise GuardRailError(f"{path} holds a secret; nothing was pushed")
    url = address_of(user, options.remote)
    host, repo = parse_repo(url, options)
    reached = {**environ, "GITHUB_API_URL": api_of(host, environ)}
    remote = remote_to(repository, url, host, environ)
    with GitHub.from_environment(reached, repo) as client, scratch_of(repository) as private:
        work = _Work(repository, spec, files, options, client, private, remote, redact)
        published = _published(work)
        approved, notes = _approvals(work)
    published = replace(published, notes=(*published.notes, *notes))
    return SpecOnGitHub(spec.path, published, approved)


def _published(work: _Work) -> Published:
    client, options, git = work.client, work.options, work.private.git
    default = client.default_branch()
    base = options.base or default
    settings = read_settings(
        work.repository.user.root, project=work.repository.user.project
    ).settings
    check = check_branch(work.branch, settings)
    if check.status.stops:
        raise GuardRailError(f"{check.summary}; nothing was pushed")
    require_base(client, base, default)
    require_free_branch(client, work.branch, base, default)
    onto = git.text("rev-parse", fetch(git, work.remote, base))
    there = remote_head(git, work.remote, work.branch)
    if there:
        onto_branch = git.text("rev-parse", fetch(git, work.remote, work.branch))
    if _holds(work, onto):
        return _merged(work, base)
    parent = onto_branch if there else onto
    commit = parent if there and _holds(work, parent) else _commit(work, parent)
    pushed = push_branch(git, work.remote, commit, work.branch)
    names = _reviewers(work, onto)
    pull, created, notes = open_or_update(
        client,
        branch=work.branch,
        base=base,
        title=work.redact(sanitise_line(f"Spec: {work.spec.name}", 200)),
        section=section_of(_run(work), _UNAPPROVED.format(name=work.spec.name), _text(work, names)),
        run=_run(work),
        draft=not options.ready,
    )
    texts = untick_tasks(DiskFiles(work.repository.user.root), work.spec)
    remember_published(
        work.repository, work.spec.path, client.repo.full, pull.number, commit, texts
    )
    if options.request_reviewers:
        notes = (*notes, *ask_reviewers(client, pull, names))
    return Published(work.branch, commit, pull, created, pushed, notes)


def _merged(work: _Work, base: str) -> Published:
    """Return the published state of a spec that the base branch already holds unchanged."""
    earlier = published_of(work.repository, work.spec.path)
    if not earlier:
        raise UsageError(
            f"{base} of {work.client.repo.full} holds {work.spec.path} as it is here, so there is "
            "nothing to publish"
        )
    pull = work.client.pull(earlier[-1].pull)
    note = f"{base} holds {work.spec.path} as it is here; nothing was pushed"
    return Published(work.branch, earlier[-1].commit, pull, pushed=False, notes=(note,))


def _holds(work: _Work, commit: str) -> bool:
    tree = work.private.tree_of(commit)
    return all(work.private.read(tree, path) == data for path, data in work.files.items())


def _commit(work: _Work, parent: str) -> str:
    tree = work.private.edit(work.private.tree_of(parent), work.files)
    who = work.repository.user.identity or ("reviewloop", "reviewloop@localhost")
    subject = f"Specify {work.spec.name}"
    return work.private.commit(tree, [parent], subject, who, who)


def _run(work: _Work) -> str:
    return f"spec-{safe_branch_name(work.spec.name)}"


def _reviewers(work: _Work, onto: str) -> tuple[str, ...]:
    """Return the owners of the planned files, by CODEOWNERS of the base, else authors."""
    tree = work.private.tree_of(onto)
    there = [entry.path for entry in work.private.entries(tree)]
    paths = [one.path for one in planned_files(work.spec, there)] or [*work.files]
    read = work.private.read
    return suggest_reviewers(
        paths, lambda path: read(tree, path), work.client, ref=onto, never=(work.client.me(),)
    )


def _text(work: _Work, reviewers: tuple[str, ...]) -> str:
    """Return the text of the pull request: requirements, criteria, files, reviewers."""
    spec = work.spec
    parts = []
    if spec.introduction:
        parts.append(f"### What is asked\n\n{sanitise(work.redact(spec.introduction), 4000)}")
    if every := criteria_of(spec):
        lines = [
            f"- [ ] {f'{code(key)} ' if key else ''}{sanitise_line(work.redact(text))}"
            for key, text in every[:_MOST_CRITERIA]
        ]
        if left := len(every) - len(lines):
            lines.append(f"- … and {counted(left, 'more criterion', 'more criteria')} in the spec")
        parts.append("### Acceptance criteria\n\n" + "\n".join(lines))
    paths = tuple(DiskFiles(work.repository.user.root).paths())
    if planned := planned_files(spec, paths):
        rows = [
            f"| {code(one.path)} | {one.mark} | {', '.join(map(code, one.tasks))} |"
            for one in planned[:_MOST_FILES]
        ]
        table = "\n".join(("| file | | tasks |", "|---|---|---|", *rows))
        parts.append(f"### Planned files\n\n{table}")
    if reviewers:
        names = ", ".join(map(code, reviewers))
        parts.append(f"### Suggested reviewers\n\n{names}, by the files that are planned.")
    return "\n\n".join(parts)


def _approvals(work: _Work) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Record who approved the last published commit; return them, and notes."""
    repository, path = work.repository, work.spec.path
    *_, last = published_of(repository, path)
    verdicts: dict[str, Review] = {}
    for review in work.client.reviews(last.pull):
        if review.state in _VERDICTS:
            verdicts[review.author] = review
    writers = [name for name in verdicts if work.client.permission(name) in _WRITERS]
    if objects := [n for n in writers if verdicts[n].state == "CHANGES_REQUESTED"]:
        return (), (f"{', '.join(objects)} asked for changes, so nobody's approval counts",)
    approved = {n: verdicts[n].commit for n in writers if verdicts[n].state == "APPROVED"}
    current = [name for name, commit in approved.items() if commit == last.commit]
    notes = [
        f"{name} approved an earlier commit of pull request {last.pull}, which does not count"
        for name in approved
        if name not in current
    ]
    texts, act = texts_of(repository, last), f"pull request {last.pull} of {last.repo}"
    known = {(one.by, tuple(sorted(one.texts.items()))) for one in approvals_of(repository, path)}
    for name in current:
        if (name, tuple(sorted(last.texts.items()))) not in known:
            record_approval(repository, path, work.spec.name, texts, name, act)
    return tuple(current), tuple(notes)
