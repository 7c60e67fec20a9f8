"""The handoff from a job with a model to a job that may write: commits and texts, all untrusted.

A handoff is a folder with `handoff.json` and `commits.bundle`. The reader checks everything that
git or GitHub can confirm (see `github.publishing.push`).
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reviewloop.domain.errors import UsageError
from reviewloop.git.process import Git
from reviewloop.git.transfer import write_bundle
from reviewloop.loop.approval_act import Act, Kind

ABOUT, COMMITS = "handoff.json", "commits.bundle"
LONGEST_TEXT = 65_000  # characters; GitHub takes 65,536 of a pull request
_LARGEST = 1024 * 1024  # bytes of handoff.json
_ODD = r"\x00-\x20\x7f~^:?*\[\\"  # what git forbids in the name of a branch
_NAME = rf"^[^{_ODD}/.-][^{_ODD}]{{0,243}}$"

Sha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
NoSha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")]
Branch = Annotated[str, Field(pattern=_NAME)]
Login = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(/[A-Za-z0-9._-]{1,100})?$")]
FindingId = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Approval(_Strict):
    """The act that claims to have approved; checked with GitHub before it counts."""

    act: Kind
    actor: str = Field(min_length=1, max_length=100)
    id: str = Field(default="", max_length=200)
    url: str = Field(default="", max_length=500)

    def as_act(self) -> Act:
        """Return the act that a commit records."""
        return Act(self.act, self.actor, self.id, self.url)


class Handoff(_Strict):
    """The texts beside the commits, with secrets already taken out."""

    version: Literal[1] = 1
    kind: Literal["fix", "task"]
    repo: str = Field(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")
    pull: int = Field(default=0, ge=0, le=10**9)  # 0: none yet
    branch: Branch  # target of the commits, without refs/heads/
    base: NoSha = ""  # expected commit of that branch; "" makes it new
    onto: NoSha = ""  # what a new branch starts from
    commit: NoSha = ""  # the last new commit; "" when there is nothing to push
    base_branch: str = Field(default="", max_length=244)  # of a new pull request
    title: str = Field(default="", max_length=256)
    body: str = Field(default="", max_length=LONGEST_TEXT)  # Markdown
    approval: Approval | None = None
    reviewers: tuple[Login, ...] = Field(default=(), max_length=15)
    findings: tuple[FindingId, ...] = Field(default=(), max_length=500)
    comment: int = Field(default=0, ge=0)  # that asked for a fix
    run: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    status: str = Field(default="", max_length=100)

    @model_validator(mode="after")
    def _is_whole(self) -> "Handoff":
        for name in (self.branch, self.base_branch):
            if name and not _is_branch(name):
                raise ValueError(f"{name!r} is no name of a branch")
        if self.kind == "fix" and not (self.pull and (self.base or not self.commit)):
            raise ValueError("a fix names the pull request and the commit that it follows")
        if self.kind == "task" and not (self.commit and self.start and self.base_branch):
            raise ValueError("a task names its commit, what it follows and the base branch")
        if self.kind == "task" and (self.base or self.pull or self.comment):
            raise ValueError("a task begins a branch and a pull request of its own")
        return self

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Return the handoff with these values; raise UsageError for invalid ones."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise UsageError(f"this cannot be handed over: {_first(error)}") from None

    @property
    def start(self) -> str:
        """The parent of the first new commit."""
        return self.base or self.onto


def make_room(folder: Path) -> None:
    """Raise UsageError unless a handoff can be written to a folder.

    An earlier handoff without commits is deleted.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    alone = [file.name for file in folder.iterdir()] == [ABOUT]
    if alone and not read_handoff(folder).commit:
        (folder / ABOUT).unlink()
        return
    raise UsageError(f"{folder} is not empty, and a handoff begins in an empty folder")


def write_handoff(folder: Path, handoff: Handoff, git: Git) -> None:
    """Write the folder, absent or with room (`make_room`); `git` is on our own directory.

    The commits are left out when there is nothing to push.
    """
    folder.mkdir(parents=True, exist_ok=True)
    make_room(folder)
    if handoff.commit:
        write_bundle(git, handoff.commit, handoff.start, folder / COMMITS)
    (folder / ABOUT).write_text(handoff.model_dump_json(indent=1) + "\n", "utf-8")


def read_handoff(folder: Path) -> Handoff:
    """Read the handoff in a folder; raise UsageError for any other folder."""
    file = folder / ABOUT
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the handoff {file} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise UsageError(f"the handoff {file} is larger than {_LARGEST // 1024} kB")
    try:
        return Handoff.model_validate_json(data)
    except ValidationError as error:
        raise UsageError(f"the handoff {file} is refused: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:200] or "the whole"
    return f"{where}: {first['msg'][:300]}"


def _is_branch(name: str) -> bool:
    """Whether git and we accept a name for a branch; it cannot lead to another ref."""
    odd = (".." in name, "//" in name, "@{" in name, name.endswith(("/", ".", ".lock")))
    parts = name.split("/")
    bad = [part for part in parts if part.startswith(".") or part.endswith(".lock")]
    return bool(re.fullmatch(_NAME[1:-1], name)) and not any(odd) and not bad and name != "HEAD"
