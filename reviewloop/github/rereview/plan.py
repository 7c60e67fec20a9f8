"""Plans a review after a push: new findings, replies to fixed ones, dismissals that stay."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Self

from reviewloop.app.review.review import ReviewResult
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.git.review_repository import ReviewRepository
from reviewloop.git.revisions import only_added
from reviewloop.github.api.answers import ReviewComment, Thread
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import (
    AnswerLost,
    BadCredentials,
    Forbidden,
    GitHubError,
    NotFound,
)
from reviewloop.github.api.model import Posted, PullRequest, State
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.marker import (
    answer_marker,
    entry_of,
    findings_in,
    is_ours,
    own_comments,
    parse_reply,
)
from reviewloop.github.rereview.matching import NO_FILE, CodePresence, Facts, FindingMatcher
from reviewloop.github.user_comments import Origin, Voices, origin_of
from reviewloop.review.anchoring import ChangedLines

# None of these texts is written by a model.
_TEXTS = {
    "gone": "Looks fixed: the code that this is about is no longer there.",
    "file": "Looks fixed: the file that this is about is no longer there.",
    "confirmed": "Looks fixed: a reviewer read the new changes and finds it resolved.",
    "back": "This is back: the latest review finds the same again.",
}


@dataclass(frozen=True)
class ThreadReply:
    """One reply to post in a thread."""

    finding: str  # fingerprint
    comment: int  # the root of the thread
    text: str  # "": already answered, only to be resolved
    thread: str = ""  # GraphQL's id, "" if unknown or not to be resolved

    @property
    def resolve(self) -> bool:
        """Whether the thread is to be resolved."""
        return bool(self.thread)


def reply_for(finding: str, comment: int, key: str, thread: str = "") -> ThreadReply:
    """Return the reply with one of the texts above, by its key; "" for none."""
    if not key:
        return ThreadReply(finding, comment, "", thread)
    mark = answer_marker(finding, "back" if key == "back" else "fixed")
    text = _TEXTS.get(key, _TEXTS["gone"])
    return ThreadReply(finding, comment, f"{text}\n\n{mark}", thread)


def post_replies(
    client: GitHub,
    pull: PullRequest,
    answers: Iterable[ThreadReply],
    *,
    notify: Callable[[str], None] = lambda _: None,
    failing: Callable[[GitHubError], None] = lambda _: None,
    pace: Pace | None = None,
) -> tuple[str, ...]:
    """Post the replies and return a sentence for each that failed; the next run repeats those.

    A token that may not resolve threads is no failure: the reply stays. Replies to deleted comments
    are left out. `notify` gets such messages, `failing` the error behind each sentence.
    """
    problems = []
    may_resolve = True
    pace = pace or Pace()
    for answer in answers:
        try:
            if answer.text:
                _reply(client, pull.number, answer, pace)
            if answer.resolve and may_resolve:
                may_resolve = _resolve(client, answer.thread)
        except NotFound as error:
            notify(_sentence(answer, error))
        except GitHubError as error:
            failing(error)
            problems.append(_sentence(answer, error))
    return tuple(problems)


def _resolve(client: GitHub, thread: str) -> bool:
    """Resolve a thread; return whether the token may. A token that may could also push."""
    try:
        client.resolve_thread(thread)
    except BadCredentials:
        raise
    except Forbidden:
        return False
    return True


def _reply(client: GitHub, number: int, answer: ThreadReply, pace: Pace) -> None:
    for last in (False, True):
        pace.wait()
        try:
            client.reply(number, answer.comment, answer.text)
            return
        except AnswerLost:
            if _has_arrived(client, number, answer):
                return
            if last:
                raise


def _has_arrived(client: GitHub, number: int, answer: ThreadReply) -> bool:
    """Whether the reply was posted although the answer of GitHub was lost."""
    expected = parse_reply(answer.text)
    mine = [
        comment
        for comment in client.review_comments(number)
        if comment.reply_to == answer.comment and is_ours(comment, client.me())
    ]
    found = [parse_reply(comment.body) for comment in sorted(mine, key=lambda each: each.id)]
    return [each for each in found if each[0] == answer.finding][-1:] == [expected]


def _sentence(answer: ThreadReply, error: GitHubError) -> str:
    return f"the thread of finding {answer.finding} got no answer: {error}"


@dataclass(frozen=True)
class Rereview:
    """The plan after a review; every open finding is in exactly one of post, quiet, known.

    `state` holds them all already; `after_posting` updates it with the result of `post`.
    """

    post: tuple[Finding, ...]
    known: frozenset[str]  # fingerprints of findings posted earlier
    answer: tuple[ThreadReply, ...]
    dismissed: dict[str, str]  # fingerprint -> who dismissed it and why
    state: State
    commented: frozenset[str] = frozenset()  # of those, the ones with a comment on the diff
    quiet: tuple[Finding, ...] = ()  # new, but not about code of this push: summary only
    open: Mapping[str, Severity] = field(default_factory=dict)  # all of the pull request
    harmless: frozenset[str] = frozenset()  # of those, the ones without a file: they fail no review
    silent: frozenset[str] = frozenset()  # of those, not in this review
    notes: tuple[str, ...] = ()  # users without a say, and why


def plan(
    findings: Iterable[Finding],
    state: State,
    *,
    threads: Sequence[Thread],
    comments: Sequence[ReviewComment],
    me: str,
    may_dismiss: Callable[[str], bool],
    facts: Facts,
) -> Rereview:
    """Compare the findings of a review with the earlier ones; the only request is `may_dismiss`.

    `findings` are those of the report and the silenced ones (silenced by an ignore comment or the
    baseline counts as dismissed, rejected by a model does not). Fixes that the facts call confirmed
    count for files that the push touched.
    """
    facts = facts.for_state(state)
    voices = Voices(comments, threads, me, may_dismiss, refused=state.refused)
    return _Planning(
        *(state, voices, own_comments(comments, me), facts),
        entries=_moved(state, facts.renamed),
    ).plan(list(findings))


@dataclass
class _Planning:
    state: State
    voices: Voices
    roots: Mapping[str, Sequence[ReviewComment]]  # our comments, by the finding they name
    facts: Facts
    entries: dict[str, dict[str, object]]
    seen: set[str] = field(default_factory=set)  # entries that this review found again
    listed: set[str] = field(default_factory=set)  # of those, what it lists as open
    post: list[Finding] = field(default_factory=list)
    quiet: list[Finding] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    commented: set[str] = field(default_factory=set)
    again: set[str] = field(default_factory=set)  # was fixed and is back
    dismissed: dict[str, str] = field(default_factory=dict)

    def plan(self, findings: Sequence[Finding]) -> Rereview:
        for name, roots in self.roots.items():
            # An interrupted run posted it and stored no state.
            entry = entry_of(roots[-1], self.facts.codes.get(name, ""))
            self.entries.setdefault(name, entry)["comment_id"] = roots[-1].id
        before = tuple(self.entries)
        unique = {finding.id: finding for finding in reversed(findings)}
        same = FindingMatcher(self.entries, self.facts, unique)
        for finding in reversed(unique.values()):
            name = same.entry_of(finding)
            if finding.status is not Status.OPEN:
                self._silenced(finding, name)
            elif name:
                self._found_again(finding, name)
            else:
                self._new(finding)
        for name in before:
            if name not in self.seen:
                self._not_reported(name, self.entries[name])
        answers = (self._answer(name) for name in self.roots)
        return Rereview(
            post=tuple(self.post),
            known=frozenset(self.known | set(self.entries)) - {f.id for f in self.post},
            answer=tuple(answer for answer in answers if answer),
            dismissed=self.dismissed,
            state=replace(self.state, findings=self.entries, refused=self.voices.refused, note=""),
            commented=frozenset(self.commented),
            quiet=tuple(self.quiet),
            open={
                name: Severity(str(entry["severity"]))
                for name, entry in self.entries.items()
                if self._is_open(name)
            },
            harmless=frozenset(n for n, one in self.entries.items() if one["code"] == NO_FILE),
            silent=frozenset(n for n in before if n not in self.listed and self._is_open(n)),
            notes=tuple(dict.fromkeys(self.voices.notes)),
        )

    def _is_open(self, name: str) -> bool:
        return self.entries[name]["status"] in {"open", "reported"}

    def _new(self, finding: Finding) -> None:
        loud = not self.state.reviewed_sha or finding.severity is Severity.MUST_FIX
        new = loud or self.facts.changed(finding)
        (self.post if new else self.quiet).append(finding)
        self.entries[finding.id] = self._entry(finding, "open" if new else "reported")

    def _found_again(self, finding: Finding, name: str) -> None:
        self.seen.add(name)
        self.listed.add(name)
        entry, roots = self.entries[name], self.roots.get(name, ())
        if word := self._word(name):
            self._dismiss(name, word, finding.id)
            return
        status = "reported" if entry["status"] == "reported" and not roots else "open"
        fresh = self._entry(finding, status) if finding.id == name else {"status": status}
        fixed, comment = entry["status"] == "fixed", entry["comment_id"]
        self.entries[name] = {**entry, **fresh, "comment_id": comment, "reason": ""}
        if fixed:
            self.again.add(name)
            thread = self.voices.thread(roots[-1]) if roots else None
            if thread is None or thread.resolved:  # the thread is closed: no more replies
                self.post.append(finding)
                return
        self.known.add(finding.id)
        if roots:  # a deleted comment informs no one
            self.commented.add(finding.id)

    def _silenced(self, finding: Finding, name: str) -> None:
        """Record a finding that was perhaps posted earlier and is not open in this review."""
        if not name:
            return
        self.seen.add(name)
        word = self._word(name)
        if not word and finding.status is Status.SUPPRESSED:
            word = finding.note or "suppressed in the code"
        if word:  # rejected by a model: stays unchanged
            self._dismiss(name, word, finding.id)

    def _not_reported(self, name: str, entry: Mapping[str, object]) -> None:
        if entry["status"] == "fixed":
            return
        path, code = str(entry["path"]), str(entry["code"])
        presence = self.facts.presence_of(path, code)
        word = self._word(name, unreported=True)
        roots = self.roots.get(name, ())
        resolved = bool(roots) and bool(self.voices.resolver(roots[-1], name))
        gone = presence in {CodePresence.GONE, CodePresence.FILE_GONE}
        if word and not (gone and origin_of(word) is Origin.THREAD and resolved):
            self._dismiss(name, word)
        elif gone or (name in self.facts.confirmed and path in self.facts.touched):
            reason = {CodePresence.GONE: "gone", CodePresence.FILE_GONE: "file"}.get(
                presence, "confirmed"
            )
            self.entries[name] = {**entry, "status": "fixed", "reason": reason}
        elif entry["status"] == "dismissed":  # its dismissal was taken back
            self.entries[name] = {**entry, "status": "open", "reason": ""}

    def _word(self, name: str, *, unreported: bool = False) -> str:
        """Return why a finding is dismissed, "" when it is not."""
        entry, roots = self.entries[name], self.roots.get(name, ())
        dismissal = self.voices.dismissed(roots, name)
        if dismissal or entry["status"] != "dismissed":
            return dismissal
        reason = str(entry["reason"]) or "dismissed earlier"
        origin = origin_of(reason)
        if origin is Origin.THREAD:
            thread = self.voices.thread(roots[-1]) if roots else None
            return reason if thread is None or thread.resolved else ""  # opened again
        # Removing the comment from the code takes the dismissal back.
        return "" if origin is Origin.CODE and not unreported else reason

    def _dismiss(self, name: str, reason: str, also: str = "") -> None:
        entry = self.entries[name]
        self.entries[name] = {**entry, "status": "dismissed", "reason": reason}
        self.dismissed[name] = reason
        if also:
            self.dismissed[also] = reason
            self.known.add(also)

    def _answer(self, name: str) -> ThreadReply | None:
        """Return the reply to post in the thread of a finding, None if it was posted."""
        entry, root = self.entries[name], self.roots[name][-1]
        thread, last = self.voices.thread(root), self.voices.last_answer(root, name)
        if name in self.again:
            reopened = any(finding.id == name for finding in self.post)
            return None if reopened or last == "back" else reply_for(name, root.id, "back")
        if entry["status"] != "fixed" or self.voices.resolver(root, name):
            return None
        is_fixed = last == "fixed"
        was_fixed = dict(self.state.findings.get(name, {})).get("status") == "fixed"
        together = (self.entries[each]["status"] for each in findings_in(self.roots[name][-1].body))
        done = thread and not thread.resolved and all(status == "fixed" for status in together)
        resolve = thread.id if thread and done else ""
        if is_fixed and (was_fixed or not resolve):
            return None
        return reply_for(name, root.id, "" if is_fixed else str(entry["reason"]), resolve)

    def _entry(self, finding: Finding, status: str) -> dict[str, object]:
        return {
            **{"status": status, "severity": str(finding.severity), "path": finding.path},
            **{"comment_id": None, "reason": "", "code": self.facts.of(finding)},
            "by": finding.rule or ",".join(finding.agents),
        }


def after_posting(state: State, posted: Posted, pull: PullRequest | None = None) -> State:
    """Return the state to store: findings without a comment of their own are only in the summary.

    `pull` marks its head as reviewed. Without it the review or its posting is incomplete, and
    findings that were not posted are dropped, so that the next run posts them.
    """
    reported = {*posted.inline, *posted.on_file, *posted.known}
    entries = dict(state.findings)
    for name, entry in state.findings.items():
        if entry["status"] == "open" and not entry["comment_id"] and name not in reported:
            if pull:
                entries[name] = {**entry, "status": "reported"}
            else:
                del entries[name]
    state = replace(state, findings=entries)
    return replace(state, reviewed_sha=pull.head_sha, base_sha=pull.base_sha) if pull else state


def reply_to_fixed(
    client: GitHub,
    pull: PullRequest,
    rereview: Rereview,
    *,
    notify: Callable[[str], None] = lambda _: None,
    failing: Callable[[GitHubError], None] = lambda _: None,
    pace: Pace | None = None,
) -> tuple[str, ...]:
    """Reply in the threads of fixed findings; see `post_replies`."""
    return post_replies(client, pull, rereview.answer, notify=notify, failing=failing, pace=pace)


def dismiss(state: State, fingerprint: str, by: str, reason: str) -> State:
    """Return the state with a finding dismissed by a user whose permission was checked."""
    entry = state.findings.get(fingerprint)
    if entry is None:
        raise KeyError(fingerprint)
    changed = {**entry, "status": "dismissed", "reason": f"{by}: {reason}"}
    return replace(state, findings={**state.findings, fingerprint: changed})


def reviewed_range(repository: ReviewRepository, state: State, pull: PullRequest) -> str:
    """Return the range to review in depth, as git writes ranges: the push since the last review.

    That is `LAST..HEAD` where only work of this pull request lies in between; else (first review,
    same head again, force-push, rebase, merged base, commit missing here) `BASE...HEAD`.
    """
    last, head = state.reviewed_sha, pull.head_sha
    if last and last != head and only_added(repository.git, last, head, pull.base_sha):
        return f"{last}..{head}"
    return f"{pull.base_sha}...{head}"


def _moved(state: State, renamed: Mapping[str, str]) -> dict[str, dict[str, object]]:
    found = {}
    for name, entry in state.findings.items():
        path = str(entry.get("path", ""))
        found[name] = {"comment_id": None, "code": "", "by": "", "reason": "", **entry}
        found[name]["path"] = renamed.get(path, path)
    return found


@dataclass(frozen=True)
class Since:
    """The lines that a push changed; `lines` is None where all of the change counts as new."""

    lines: ChangedLines | None = None
    touched: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)  # old path -> new path

    @classmethod
    def last_review(
        cls, done: ReviewResult, repository: ReviewRepository, state: State, pull: PullRequest
    ) -> Self:
        """Compare the head with that of the last review, if it builds on it."""
        older, dots, _ = reviewed_range(repository, state, pull).partition("..")
        if older != state.reviewed_sha or not dots:
            return cls()
        private = done.compared.private
        pushed = private.change(private.tree_of(older), done.compared.new)
        files = [file for file in pushed.files if not file.submodule]
        return cls(
            ChangedLines({file.path: file.added_ranges for file in files}),
            frozenset(name for file in files for name in (file.path, file.old_path)),
            {f.old_path: f.path for f in files if f.status == "R" and f.old_path != f.path},
        )

    def changed(self, finding: Finding) -> bool:
        """Whether a finding is about the push: its lines, or its file where it has no lines."""
        if self.lines is None or not finding.path:
            return True
        if finding.line is None:
            return finding.path in self.touched
        last = max(finding.end_line or finding.line, finding.line)
        return self.lines.touch(finding.path, finding.line, last)
