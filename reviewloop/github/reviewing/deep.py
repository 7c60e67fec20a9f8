"""Narrows a review to what was pushed since the last one, and tells it what stayed open then."""

from dataclasses import replace

from reviewloop.app.review.review import Wish
from reviewloop.github.comments.finding_data import finding_from
from reviewloop.github.reviewing.conversation import Conversation
from reviewloop.review.pushed import Known

_OPEN = {"open", "reported"}


def deepened(wish: Wish, talk: Conversation) -> Wish:
    """Return the wish to have models read what was pushed since our last review of this change.

    That is another head, whose review was complete and asked a model; without one nobody has read
    the change yet. Whether the two heads can be compared is seen when it is reviewed.
    """
    state = talk.state
    if not state.reviewed_sha or state.reviewed_sha == talk.pull.head_sha or not state.spent_tokens:
        return wish
    return replace(wish, deep_from=state.reviewed_sha, known=_known(talk))


def _known(talk: Conversation) -> tuple[Known, ...]:
    """Return the open findings; what was only in the summary is known by place and name alone."""
    known = []
    for name, entry in sorted(talk.state.findings.items()):
        if entry.get("status") not in _OPEN:
            continue
        said = [found for root in talk.roots.get(name, ()) if (found := finding_from(root.body))]
        severity, path = str(entry.get("severity", "")), str(entry.get("path", ""))
        if said:
            one = said[-1]
            known.append(Known(name, path or one.path, one.title, one.quote, one.line, severity))
        else:
            known.append(Known(name, path, severity=severity))
    return tuple(known)
