"""Writes optional attestations of an approved commit: a signed statement, a git note."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reviewloop.app.project import Repository, settings_of
from reviewloop.app.redactors import redactor_of
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.process import Git
from reviewloop.git.repository import read_config, signing_settings
from reviewloop.git.signing import is_signed, sign, signs_commits
from reviewloop.regex import regex
from reviewloop.store.audit import AuditRow
from reviewloop.store.folders import private_file, private_folder
from reviewloop.store.runs import RunRecord

NOTES_REF = "refs/notes/reviewloop"
_TYPE = "application/vnd.in-toto+json"
_FOLDER = "statements"
_REDACTED = regex(r"⟦secret:[^⟧\n]{1,80}⟧|…")  # as `Redactor.for_people` leaves a secret


def statement(row: AuditRow) -> dict[str, Any]:
    """Return a row as an in-toto statement about its commit (https://in-toto.io/Statement/v1)."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": f"commit {row.body['commit']}", "digest": {"gitCommit": row.body["commit"]}}
        ],
        "predicateType": "https://in-toto.io/attestation/human-review/v0.1",
        "predicate": {"number": row.number, "hash": row.hash, **row.body},
    }


def keep_attestations(repository: Repository, run: RunRecord, row: AuditRow) -> list[str]:
    """Write the attestations that the run's settings request for a row; return errors as sentences.

    The statement is signed where commits are: by `commit.sign`, or by git's own commit.gpgSign.
    """
    settings, problems = settings_of(run), []
    try:
        if settings.audit.statements:
            signed = settings.commit.sign or signs_commits(repository.user)
            _write_statement(repository, row, is_signed_too=signed)
    except (OSError, ReviewLoopError) as error:
        problems.append(f"the statement of commit {row.body['commit'][:10]} was not kept: {error}")
    try:
        if settings.audit.notes:
            _write_note(repository, row)
    except (OSError, ReviewLoopError) as error:
        problems.append(f"the note of commit {row.body['commit'][:10]} was not written: {error}")
    return problems


def write_notes(repository: Repository, rows: Iterable[AuditRow]) -> int:
    """Write a note for each commit of these rows that git still has; return the count."""
    commits = [row for row in rows if row.body.get("kind") == "commit"]
    git = Git(repository.user.git_dir, cwd=repository.user.root)
    there = [r for r in commits if not git.result("cat-file", "-e", r.body["commit"]).exit_code]
    for row in there:
        _write_note(repository, row)
    return len(there)


def statement_line(repository: Repository, row: AuditRow) -> str:
    """Return the stored statement of a row in its envelope (DSSE), else the bare statement."""
    try:
        # It was redacted before it was signed.
        return _statement_path(repository, row).read_text("utf-8").strip()
    except (OSError, ValueError):
        return _redacted_statement(repository, row)


def broken_statements(repository: Repository, rows: Iterable[AuditRow]) -> Iterator[str]:
    """Yield a sentence for each stored statement that was changed or is not about its row.

    A row is protected by the chain of the trail, so what a statement says is held to its row, too:
    whoever changes a statement can leave its signature out.
    """
    settings = signing_settings(read_config(repository.user.git_dir, repository.user.root))
    for row in rows:
        if row.body.get("kind") != "commit" or not _statement_path(repository, row).exists():
            continue
        name = f"the statement of commit {row.body['commit'][:10]}"
        try:
            envelope = json.loads(_statement_path(repository, row).read_bytes())
            payload = base64.b64decode(envelope["payload"], validate=True)
            signatures = [base64.b64decode(s["sig"]).decode() for s in envelope["signatures"]]
            stored = json.loads(payload)
            digest = stored["predicate"]["hash"]
        except (ValueError, KeyError, TypeError):
            yield f"{name} cannot be read"
            continue
        if digest != row.hash:
            yield f"{name} is not about row {row.number} of the trail"
        elif not all(is_signed(_encoded(payload), one, settings) for one in signatures):
            yield f"{name} is not as it was signed"
        elif not _agrees(stored, statement(row)):
            yield f"{name} says something else than row {row.number} of the trail"


def _agrees(found: object, meant: object) -> bool:
    """Whether a statement agrees with its row, but for secrets that were redacted then."""
    if isinstance(meant, Mapping) and isinstance(found, Mapping):
        return found.keys() == meant.keys() and all(
            _agrees(found[key], meant[key]) for key in meant
        )
    if isinstance(meant, list | tuple) and isinstance(found, list):
        return len(found) == len(meant) and all(map(_agrees, found, meant))
    if isinstance(meant, str) and isinstance(found, str):
        return _is_redacted(found, meant)
    return found == meant


def _is_redacted(found: str, meant: str) -> bool:
    """Whether a text is the other one, with secrets in it redacted or not."""
    first, *pieces = _REDACTED.split(found)
    if not pieces:
        return found == meant
    if not meant.startswith(first):
        return False
    at, last = len(first), pieces.pop()
    for piece in pieces:
        index = meant.find(piece, at)
        if index < 0:
            return False
        at = index + len(piece)
    return meant.endswith(last) and at + len(last) <= len(meant)


def _statement_path(repository: Repository, row: AuditRow) -> Path:
    return repository.folder / _FOLDER / f"{row.body['commit']}.json"


def _write_statement(repository: Repository, row: AuditRow, *, is_signed_too: bool) -> None:
    payload = _redacted_statement(repository, row).encode()
    signatures = []
    if is_signed_too:
        text = sign(repository.user, _encoded(payload))
        signatures = [{"keyid": "", "sig": base64.b64encode(text.encode()).decode()}]
    envelope = {
        "payloadType": _TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": signatures,
    }
    private_folder(repository.folder / _FOLDER)
    private_file(_statement_path(repository, row)).write_text(f"{json.dumps(envelope)}\n", "utf-8")


def _redacted_statement(repository: Repository, row: AuditRow) -> str:
    text = json.dumps(statement(row), sort_keys=True)
    return redactor_of(repository.user).for_people(text)


def _encoded(payload: bytes) -> bytes:
    """Return the bytes to sign: DSSE's encoding of type and payload."""
    return b"DSSEv1 %d %s %d %s" % (len(_TYPE), _TYPE.encode(), len(payload), payload)


def _write_note(repository: Repository, row: AuditRow) -> None:
    user = repository.user
    body = {"number": row.number, "hash": row.hash, **row.body}
    text = redactor_of(user).for_people(json.dumps(body, indent=1, sort_keys=True))
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "reviewloop"), ("EMAIL", "reviewloop@localhost"))
    }
    git = Git(user.git_dir, cwd=user.root)
    command = ("notes", f"--ref={NOTES_REF}", "add", "-f", "-F", "-", str(row.body["commit"]))
    git.run(*command, input=text.encode("utf-8", "replace"), env_extra=who)
