"""`RunContext`: everything a run passes to its steps besides the state; `Brief`: its task."""

import math
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from reviewloop.agents import AgentDefinition, Team
from reviewloop.checkout.export import write_export
from reviewloop.checkout.workspace import Workspace
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import InterruptedByUserError
from reviewloop.domain.hidden_characters import show_hidden
from reviewloop.domain.stored import read_stored
from reviewloop.domain.task import Task
from reviewloop.faults import fault
from reviewloop.git.diff import Change
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.hooks.hook import Hook
from reviewloop.llm.door import Models
from reviewloop.llm.messages import CHARS_PER_TOKEN, Message, Taken, ToolSpec, map_text
from reviewloop.llm.prefix_gate import PrefixGate
from reviewloop.llm.routing import ACP, REPLAY, STEP_KINDS, split_model
from reviewloop.loop.agent_workspace import AgentWorkspace, redacted_tree
from reviewloop.loop.conversation import (
    AgentReply,
    AroundTools,
    Caps,
    Check,
    Conversation,
    Talk,
)
from reviewloop.review.evidence import AnalyserFinding
from reviewloop.review.prompts import Fence
from reviewloop.review.push import Push
from reviewloop.review.quiet import QuietRule
from reviewloop.review.withheld_files import shown_tree, withheld_in
from reviewloop.sandbox.environment import ProjectEnv
from reviewloop.secrets import Redactor
from reviewloop.settings import Settings
from reviewloop.specs.steering import Later
from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Events
from reviewloop.store.journal import CallKey, Journal
from reviewloop.store.runs import RunRecord, RunStore
from reviewloop.store.shared import Shared
from reviewloop.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from reviewloop.servers.running import Servers

T = TypeVar("T")


@dataclass(frozen=True)
class Brief:
    """The task of a run and its context, fixed at the start so that a resumed run reads
    the same.
    """

    title: str
    task: str  # the task with the requirements it names
    briefing: str  # for the implementer: task, design, steering, map of the repository
    steering_log: tuple[str, ...] = ()  # steering of the implementer, with reasons
    steering_later: tuple[Later, ...] = ()  # given when a matching file is touched
    steering_asked: tuple[str, ...] = ()  # names of manual steering that the user requested
    spec: str = ""  # name of the spec
    spec_path: str = ""  # path of the spec, as `--spec` takes it
    spec_task: Task | None = None  # as it was read: it is not ticked when the line changed
    rejected: tuple[tuple[str, str], ...] = ()  # (run, reason) of earlier rejected runs of the task
    shows_bug: bool = False  # its first test must fail on the base, by its own assertion
    hooks: tuple[Hook, ...] = ()  # of the base commit: those that fire
    hook_problems: tuple[str, ...] = ()  # hooks of the base commit that cannot be read

    @property
    def task_id(self) -> str:
        """Id of the spec's task, empty for `run -m`."""
        return self.spec_task.id if self.spec_task else ""

    @property
    def is_checkpoint(self) -> bool:
        """Whether the task requires green checks and no change."""
        return bool(self.spec_task and self.spec_task.checkpoint)

    @property
    def tasks_path(self) -> str:
        """The file that holds the task's checkbox."""
        return self.spec_task.path if self.spec_task else ""

    def plain(self) -> dict[str, object]:
        """Return it as JSON-plain values."""
        hooks = [hook.model_dump(mode="json") for hook in self.hooks]
        return {**asdict(replace(self, hooks=())), "hooks": hooks}

    @classmethod
    def from_plain(cls, values: object) -> "Brief":
        """Rebuild what `plain` wrote; raise ValueError for anything else."""
        return read_stored(cls, values)


@dataclass
class RunContext:
    """Passed to every step; steps read it and never store results in it."""

    record: RunRecord
    runs: RunStore
    folder: Path
    settings: Settings
    team: Team
    brief: Brief
    user: UserRepo
    private: PrivateRepo
    workspace: Workspace
    make_environment: Callable[[], ProjectEnv] | None  # None: no code of the repository is run
    blobs: Blobs
    journal: Journal
    events: Events
    models: Models
    fence: Fence
    base_tree: str
    redactor: Redactor = field(default_factory=Redactor)
    # Where steering is read; None is the checkout. A pull request's own rules do not apply.
    rules: Path | None = None
    untrusted: bool = False  # the change is by strangers: no reviewer may lower a finding
    push: Push | None = None  # the push since an earlier review, if only that is read in depth
    # The findings of analysers in a tree, compared with the base.
    analyse: "Callable[[RunContext, str], tuple[AnalyserFinding, ...]]" = lambda *_: ()
    # The findings of slow analysers; waits for them.
    analyse_late: "Callable[[RunContext, str], tuple[AnalyserFinding, ...]]" = lambda *_: ()
    # The files of a tree that no analyser read completely, as JSON-plain values.
    not_analysed: "Callable[[RunContext, str], dict[str, Any]]" = lambda *_: {}
    not_shown: tuple[str, ...] = ()  # a line for each changed file withheld from models
    # Reads finding id -> reason of the current dismissals in this repository.
    dismissed: Callable[[], Mapping[str, str]] = dict
    quiet: Collection[QuietRule] = ()  # from the base, so not written by an agent
    # Called before and after each tool call.
    around_tools: "Callable[[RunContext], AroundTools | None]" = lambda _: None
    on_stop: Callable[[], None] = lambda: None  # stops background analysers
    # MCP servers that the user trusts; started when an agent first asks for one.
    make_servers: "Callable[[], Servers | None]" = lambda: None
    server_notes: list[str] = field(default_factory=list)  # on these servers, for the report
    shared: Shared | None = None  # the store that other machines share, if any
    opened_at: float = field(default_factory=time.monotonic)
    stopped: threading.Event = field(default_factory=threading.Event)
    _made: dict[object, Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)  # values may need each other
    # One process, one workspace on disk: gates of parallel agents take turns.
    workspace_lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def environment(self) -> ProjectEnv:
        """The environment of gates; raises for a review of a diff, which runs no code of the
        head.
        """
        if self.make_environment is None:
            raise RuntimeError("a review of a diff must not run the repository's code")
        return self.once("environment", self.make_environment)

    @property
    def servers(self) -> "Servers | None":
        """The running MCP servers; None where there are none."""
        return self.once("servers", self.make_servers)

    @property
    def reviewed_since(self) -> str:
        """The tree before the change whose findings the run fixes; "" if it has a task."""
        since = self.record.options.get("since", "")
        return self.once("since", lambda: self.private.tree_of(since)) if since else ""

    @property
    def logs(self) -> Path:
        """Folder of the run's logs."""
        return self.folder / "logs"

    @property
    def seconds(self) -> float:
        """Active time of the run so far."""
        return self.record.active_seconds + time.monotonic() - self.opened_at

    def change(self, old: str, new: str) -> Change:
        """Return the change between two trees; parsed once however many agents ask."""
        return self.private.change(old, new)

    def withheld(self, tree: str) -> Mapping[str, str]:
        """Return path -> reason of the files in a tree that are withheld from models."""
        own = self.rules is None  # no foreign rules apply: it is the user's own work
        return self.once(
            ("withheld", tree),
            lambda: withheld_in(self.private, tree, self.base_tree, withholds_more=own),
        )

    def shown_tree(self, tree: str) -> str:
        """Return a tree as models may read it: each withheld file is replaced by a sentence."""
        return self.once(
            ("shown", tree),
            lambda: shown_tree(self.private, tree, self.withheld(tree), self.redactor.number),
        )

    def shown_change(self, old: str, new: str) -> Change:
        """Return the change between two trees as models may read it, not redacted yet."""
        return self.change(self.shown_tree(old), self.shown_tree(new))

    def shown_text(self, tree: str, path: str) -> str | None:
        """Return a file as models read it: redacted, or a sentence if it is withheld."""
        text = self.read_text(self.shown_tree(tree), path)
        return None if text is None else self.redactor.for_models(text)

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return what `make` returned the first time for this key, whichever thread asks."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def read_text(self, tree: str, path: str) -> str | None:
        """Return a file of a tree as text, or None when it is no file or not text."""
        data = self.private.read(tree, path)
        if data is None or b"\0" in data[:8000]:
            return None
        return data.decode("utf-8", "replace")

    def holds(self, tree: str, path: str) -> bool:
        """Return whether a tree has a file of this name."""
        return self.private.read(tree, path) is not None

    def keep(self, tree: str, name: str) -> None:
        """Keep a step's tree alive under the run's refs, so that no edit is lost."""
        fault("keep.before")
        self.private.keep(tree, self.record.run_id, name)
        fault("keep.after")

    @contextmanager
    def in_step(self, name: str, *, quiet: bool = False) -> Iterator[None]:
        """Emit the start and end of a step; tests may kill the run at both points.

        A `quiet` one emits nothing.
        """
        quiet = quiet or name.startswith("review-")  # it emits its own events
        fault(f"{name}.begin")
        if self.stopped.is_set():
            raise InterruptedByUserError().resuming(
                f"stopped before {name}; ", " goes on from here"
            )
        self._note_step("review" if name.startswith("review-") else name)
        if not quiet:
            self.events.emit("step.start", step=name)
        started = time.monotonic()
        yield
        if not quiet:
            self.events.emit("step.end", step=name, seconds=time.monotonic() - started)
        fault(f"{name}.end")

    def _note_step(self, name: str) -> None:
        """Write the step into the record, for `status` in another terminal."""
        with self._lock:
            if self.record.step != name:
                self.record.step = name
                self.runs.save(replace(self.record, active_seconds=self.seconds))

    def agent_model(self, agent: AgentDefinition, step: str) -> str:
        """Return the model for this agent in this step."""
        return self.models.model_for(agent.name, STEP_KINDS[step], agent.model)

    def stop(self) -> None:
        """Stop the run: no new call or command starts; awaited replies are still stored."""
        self.stopped.set()
        self.on_stop()
        self.models.stop()

    def talk(
        self,
        agent: AgentDefinition,
        key: CallKey,
        toolbox: Toolbox,
        *,
        system: str,
        opening: list[Message],
        ending: ToolSpec,
        check: Check,
        hold: PrefixGate | None = None,
        seconds: float = 0.0,
    ) -> AgentReply:
        """Hold one agent's conversation under the run's caps, and a lower one of `seconds`.

        No secret and no invisible character is sent to its model: text that was not fenced, such as
        the prompt of an agent from the repository, is cleaned here.
        """
        limits = self.settings.limits
        self.events.emit("agent.start", agent=agent.name, step=key.step, finding=key.finding)
        model = self.agent_model(agent, key.step)
        conversation = Conversation(
            key=key,
            model=model,
            **self._files_of(toolbox, key, model),
            system=self._for_models(system),
            opening=tuple(map_text(opening, self._for_models)),
            ending=ending,
            check=check,
            around=self.around_tools(self),
            redact=self.redactor.for_models,
            caps=Caps(
                limits.agent_turns,
                limits.agent_tokens,
                min(seconds or math.inf, limits.agent_minutes * 60),
                limits.context_tokens * CHARS_PER_TOKEN,
            ),
            max_tokens=self.settings.models.max_output_tokens,
        )
        try:
            talk = Talk(conversation, toolbox, self.models, self.journal, self.events, hold)
            return talk.run()
        finally:
            toolbox.close()
            self.events.emit("agent.end", agent=agent.name, step=key.step, finding=key.finding)

    def _files_of(self, toolbox: Toolbox, key: CallKey, model: str) -> dict[str, Any]:
        """Return the file export for an agent in a cage, if one may be asked."""
        model_names = {split_model(name)[0] for name in (model, *self.settings.models.fallbacks)}
        if not model_names & {ACP, REPLAY}:
            return {}
        if not toolbox.writes and ACP not in model_names:
            return {}
        if not toolbox.writes:
            return {"tree": partial(self.exported, toolbox.tree)}
        folder = self.folder / "agent" / self.user.root.name
        files = AgentWorkspace(
            self.private,
            Workspace(self.private, folder),
            self.redactor,
            self.settings.gates.reuse,
            toolbox.allowed_part,
            self.shown_tree,
            self.redacted_tree,
        )
        name = f"turn-{key.step}-{key.cycle}-{key.round}-{key.attempt}-{key.finding}"

        def taken() -> Taken:
            found = files.taken()
            self.keep(found.tree, name)
            return found

        def granted() -> AbstractContextManager[Path]:
            return files.of(toolbox.tree)

        def replayed(turn: Mapping[str, Any]) -> Taken:
            return files.replayed(toolbox.tree, turn)

        if ACP not in model_names:
            return {"replayed": replayed}
        return {"tree": granted, "taken": taken}

    @property
    def unexported(self) -> dict[str, str]:
        """Path -> reason, of files that could not be exported to a cage."""
        kept: dict[str, str] = self.once("unexported", dict)
        return kept

    def redacted_tree(self, tree: str) -> str:
        """Return a redacted tree for coding agents; computed once for all."""
        known: dict[str, bytes | None] = self.once("redacted blobs", dict)
        return self.once(
            ("redacted", tree),
            lambda: redacted_tree(self.private, self.shown_tree(tree), self.redactor, known),
        )

    @contextmanager
    def exported(self, tree: str) -> Iterator[Path]:
        """Yield a folder with a tree as models may read it, for an agent in a cage."""
        with tempfile.TemporaryDirectory(prefix="tree-", dir=self.folder) as name:
            refused = write_export(self.private, self.redacted_tree(tree), Path(name))
            self.unexported.update(refused)
            yield Path(name).resolve()

    def _for_models(self, text: str) -> str:
        return show_hidden(self.redactor.for_models(text))
