"""Notifies the user when something waits for them: bell, desktop, webhook; all off by default."""

import sys
from collections.abc import Mapping
from typing import Any

from reviewloop.app.project import Repository, read_settings
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.view import proposal_of
from reviewloop.app.webhook import post
from reviewloop.cli.consoles import print_lines
from reviewloop.cli.user_programs import notify
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.render.counts import count_records
from reviewloop.render.untrusted import one_line
from reviewloop.store.redaction import redact_plain
from reviewloop.store.runs import RunRecord


def call_about(repository: Repository, record: RunRecord) -> None:
    """Notify the user about a run that waits for a decision, is blocked, or stopped at a cap."""

    name = f"{record.task_id} {record.title}".strip()
    is_stopped = record.status in {"blocked", "paused"}
    text = f"{name} is {record.status}: {record.reason}" if is_stopped else f"{name} waits for you"
    proposal = proposal_of(repository, record)
    counts = count_records(proposal.get("findings", ())).facts() if proposal else {}
    about = {
        "run": record.run_id,
        "task": record.task_id,
        "title": record.title,
        "branch": record.branch,
        "status": str(record.status),
        "reason": record.reason,
        "findings": counts,
    }
    notify_user(repository, text, about)


def notify_user(repository: Repository, text: str, about: Mapping[str, Any]) -> None:
    """Notify the user as their settings say; a failure is one line, never an error.

    The current settings count: a run stores none of them, because an address may be secret.
    """

    try:
        user = repository.user
        notifications = read_settings(user.root, project=user.project).settings.notify
    except ReviewLoopError:
        return  # the next command reports it
    if not (notifications.bell or notifications.desktop or notifications.webhook):
        return
    redact = redactor_of(repository.user).for_people
    text = redact(one_line(text))
    problems = []
    if notifications.bell and sys.stderr.isatty():
        sys.stderr.write(f"\a\x1b]9;reviewloop: {text[:200]}\x07")
        sys.stderr.flush()
    if notifications.desktop:
        problems.append(notify("reviewloop", text))
    if notifications.webhook:
        where = {"event": "waiting", "text": text, "repository": repository.user.root.name}
        problems.append(post(notifications.webhook, {**where, **redact_plain(about, redact)}))
    for problem in filter(None, problems):
        print_lines(f"note: {problem}")
