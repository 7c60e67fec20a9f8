"""Publishes a run from the machine that ran it: commit, branch and draft pull request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reviewloop.app.project import Repository, settings_of
from reviewloop.app.run.view import RunView, view
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import GuardRailError, UsageError, WorkspaceError
from reviewloop.git.attributes import attributes_in
from reviewloop.git.process import Git
from reviewloop.git.revisions import OURS, task_name
from reviewloop.git.transfer import (
    Remote,
    address_of,
    default_branch_of,
    has_helper,
    own_settings,
    remote_head,
    with_own_credentials,
    with_token,
)
from reviewloop.github.api.client import GitHub, api_of, repo_at
from reviewloop.github.api.model import Repo
from reviewloop.github.artifacts.handoff import Handoff, write_handoff
from reviewloop.github.publishing.pull import (
    Published,
    ask_reviewers,
    free_branch,
    open_or_update,
    push_branch,
    require_base,
    require_free_branch,
)
from reviewloop.github.publishing.text import (
    approved_by,
    parts_of,
    pull_text,
    section_of,
    title_of,
)
from reviewloop.guards.branch import check_branch
from reviewloop.loop.approval_act import Act
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus


@dataclass(frozen=True)
class PublishRequest:
    """The options of the command line."""

    remote: str = "origin"
    base: str = ""  # "": the branch a workflow runs on, else the default branch
    repo: str = ""  # OWNER/NAME; "": what the remote's address names
    ready: bool = False
    unapproved: bool = False
    request_reviewers: bool = False


def choose_run(repository: Repository, named: str | None) -> RunRecord:
    """Return the named run, or the newest one that can be published; raise UsageError for none.

    A run on a pull request goes back to it, and opens none of its own.
    """
    if named:
        record = repository.runs.find(named)
        if pull := record.options.get("pull"):
            raise UsageError(
                f"run {record.run_id} fixes pull request {pull} and opens none of its own; "
                "`reviewloop github push DIR`, with the handoff that `github fix` wrote, pushes it"
            )
        return record
    good = {RunStatus.COMMITTED, RunStatus.WAITING}
    runs = (run for run in repository.runs.all() if not run.options.get("pull"))
    found = next((run for run in runs if run.status in good), None)
    if found is None:
        raise UsageError("no run of this repository has a commit to publish yet")
    return found


def publish_run(
    repository: Repository, record: RunRecord, options: PublishRequest, environ: Mapping[str, str]
) -> Published:
    """Push the commit of a run to its branch and open or update its pull request.

    Raise a `ReviewLoopError`. Nothing is written to the checkout or its `.git`.
    """
    url = address_of(repository.user, options.remote)
    host, repo = parse_repo(url, options)
    reached = {**environ, "GITHUB_API_URL": api_of(host, environ)}
    # An answer given meanwhile would be overwritten with the record read here.
    with hold(repository.run_lock(record.run_id), f"run {record.run_id}"):
        record = repository.runs.find(record.run_id)
        _require_publishable(record, options)
        remote = remote_to(repository, url, host, environ)
        with GitHub.from_environment(reached, repo) as client, view(repository, record) as seen:
            return _publish(client, repository, seen, options, remote, _base(options, environ))


def hand_over(
    repository: Repository,
    record: RunRecord,
    options: PublishRequest,
    folder: Path,
    environ: Mapping[str, str],
) -> Handoff:
    """Write the commit of a waiting run, and the text of its pull request, for another job."""
    if record.status is not RunStatus.WAITING:
        raise UsageError(
            f"run {record.run_id} is {record.status}; a handoff is made of a run that waits for "
            "approval"
        )
    full = options.repo or environ.get("GITHUB_REPOSITORY", "")
    if not full:
        full = repo_at(address_of(repository.user, options.remote))[1].full
    with view(repository, record) as seen, _maybe_client(full, environ) as client:
        parts = parts_of(repository, seen, client)
        commit = _commit(seen)
        base = _base(options, environ) or (client.default_branch() if client else "")
        base = base or default_branch_of(repository.user, options.remote)
        if not base:
            raise UsageError("which branch to merge into is not known here; name it with --base")
        handoff = Handoff.of(
            kind="task",
            repo=full,
            branch=_branch(record),
            onto=record.base_commit,
            commit=commit,
            base_branch=base,
            title=seen.redactor.for_people(title_of(seen.proposal)),
            body=pull_text(parts, seen.redactor.for_people),
            reviewers=parts.reviewers,
            run=record.run_id,
            status=str(record.status),
        )
        write_handoff(folder, handoff, seen.private.git)
    return handoff


def _require_publishable(record: RunRecord, options: PublishRequest) -> None:
    run = record.run_id
    if record.status is RunStatus.WAITING:
        if options.ready:
            raise UsageError(f"run {run} is not approved, so its pull request can only be a draft")
        if not options.unapproved:
            raise UsageError(
                f"run {run} waits for your approval (`reviewloop approve {run}`); --unapproved "
                "publishes it as a draft that says so"
            )
    elif record.status is not RunStatus.COMMITTED:
        raise UsageError(f"run {run} has no commit to publish (it is {record.status})")


def _publish(
    client: GitHub,
    repository: Repository,
    seen: RunView,
    options: PublishRequest,
    remote: Remote,
    base: str,
) -> Published:
    record, git = seen.record, seen.private.git
    approved = record.status is RunStatus.COMMITTED
    commit = record.commit if approved else _commit(seen)
    branch, notes = _branch(record), _behind(repository, record) if approved else ()
    notes = (*notes, *_lfs(seen))
    default = client.default_branch()
    base = base or default
    branch_check = check_branch(branch, settings_of(record))
    if branch_check.status.stops:
        raise GuardRailError(f"{branch_check.summary}; nothing was pushed")
    require_base(client, base, default)
    require_free_branch(client, branch, base, default)
    if not approved:
        branch = free_branch(remote_head(git, remote, branch), branch, commit)
    pushed = push_branch(git, remote, commit, branch)
    _remember(repository, record, client, branch, commit)
    parts = parts_of(repository, seen, client)
    redact = seen.redactor.for_people
    pull, created, more = open_or_update(
        client,
        branch=branch,
        base=base,
        title=redact(title_of(seen.proposal)),
        section=section_of(record.run_id, approved_by(_act(record)), pull_text(parts, redact)),
        run=record.run_id,
        draft=not options.ready,
    )
    written = parts.description
    if written.hook:
        more = (*more, f"the text follows the hook {written.hook}")
    more = (*more, *written.notes)
    if options.request_reviewers:
        more = (*more, *ask_reviewers(client, pull, parts.reviewers))
    return Published(branch, commit, pull, created, pushed, (*notes, *more))


def _base(options: PublishRequest, environ: Mapping[str, str]) -> str:
    """Return the branch to merge into: as named, else the branch that started the workflow.

    "" is the repository's default branch.
    """
    branch = environ.get("GITHUB_REF_NAME", "")
    on_branch = environ.get("GITHUB_REF", f"refs/heads/{branch}") == f"refs/heads/{branch}"
    return options.base or (branch if on_branch else "")


def _act(record: RunRecord) -> Act | None:
    """Return who approved the commit of a run, from its record."""
    if record.status is not RunStatus.COMMITTED:
        return None
    plain = record.evidence.get("act") or {}
    return Act.of(plain) or Act("terminal", record.approved_by)  # of a release that kept none


def _commit(seen: RunView) -> str:
    commit = seen.proposal.get("commit", "")
    if not commit:
        raise UsageError(f"run {seen.record.run_id} is blocked, so it has no commit to publish")
    return commit


def _branch(record: RunRecord) -> str:
    """Return the target branch: the run's own, where it is already, or a new one."""
    if record.status is RunStatus.COMMITTED or record.new_branch:
        return record.branch
    # Published again it keeps its branch, whatever such branches were called then.
    there: str = record.evidence.get("published", {}).get("branch", "")
    return there or f"{OURS}/{task_name(record.spec_path, record.task_id or record.run_id)}"


def _behind(repository: Repository, record: RunRecord) -> tuple[str, ...]:
    """Check the commit in the checkout; raise WorkspaceError if its branch lost it."""
    git = Git(repository.user.common_dir)
    reference = f"refs/heads/{record.branch}"
    tip = git.text("rev-parse", "-q", "--verify", reference, ok=(0, 1))
    if not tip or git.result("merge-base", "--is-ancestor", record.commit, tip).exit_code:
        raise WorkspaceError(
            f"the branch {record.branch} does not hold {record.commit[:12]} any more; push what it "
            "holds now with `git push`"
        )
    if tip == record.commit:
        return ()
    return (f"{record.branch} has later commits of yours, which were not pushed",)


def _lfs(seen: RunView) -> tuple[str, ...]:
    """Return a note on what a push of git alone leaves out: the hook of Git LFS does not run."""
    tree = seen.proposal["tree"]
    paths = [f["path"] for f in seen.proposal.get("files", []) if f.get("status") != "D"]
    values = attributes_in(seen.private, tree, paths, ("filter",))
    if not any(each.get("filter") == "lfs" for each in values.values()):
        return ()
    return ("the change touches files in Git LFS, whose content `git lfs push` has to bring",)


def parse_repo(url: str, options: PublishRequest) -> tuple[str, Repo]:
    """Return host and repository; a repository that was named does not change the host."""
    if not options.repo:
        return repo_at(url)
    try:
        named = Repo.of(options.repo)
    except ValueError as error:
        raise UsageError(f"--repo: {error}") from None
    try:
        host = repo_at(url)[0]
    except UsageError:
        host = ""
    return (host if "." in host else ""), named  # without a dot it is a name of ~/.ssh/config


def remote_to(repository: Repository, url: str, host: str, environ: Mapping[str, str]) -> Remote:
    """Return how to push: with the user's credentials, or the token where git has no helper."""
    values = own_settings(repository.user)
    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or ""
    if token and host and url.startswith(("https://", "http://")) and not has_helper(values, url):
        return with_token(url, token, environ)
    return with_own_credentials(url, values, environ)


@contextmanager
def _maybe_client(full: str, environ: Mapping[str, str]) -> Iterator[GitHub | None]:
    """Yield a client if there is a token; without one fewer reviewers are suggested."""
    if not (environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN")):
        yield None
        return
    try:
        repo = Repo.of(full)
    except ValueError as error:
        raise UsageError(f"--repo: {error}") from None
    with GitHub.from_environment(environ, repo) as client:
        yield client


def _remember(
    repository: Repository, record: RunRecord, client: GitHub, branch: str, commit: str
) -> None:
    """Record what was pushed, for undo."""
    pushed = {"repo": client.repo.full, "branch": branch, "commit": commit}
    record.evidence = {**record.evidence, "published": pushed}
    repository.runs.save(record)
