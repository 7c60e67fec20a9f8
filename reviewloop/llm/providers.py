"""The providers of a run by model name, each created once and shared by all agents."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from reviewloop.domain.errors import ModelError, ModelSetupError, ReviewLoopError
from reviewloop.llm import prices
from reviewloop.llm.bedrock import BedrockClients, where
from reviewloop.llm.messages import ModelRequest, Reply, Scrub
from reviewloop.llm.provider_table import BEDROCK
from reviewloop.llm.replay import ReplayProvider
from reviewloop.llm.routing import ACP, OFFLINE, split_model
from reviewloop.llm.trouble import provider_errors
from reviewloop.settings import Models as ModelSettings
from reviewloop.store.journal import CallKey


class Provider(Protocol):
    """One model, safe to use from several threads."""

    def ask(self, key: CallKey, request: ModelRequest, on_first: Callable[[], None]) -> Reply:
        """Return the reply; call `on_first` when its first event has arrived."""
        ...

    def warm_up(self) -> None:
        """Load what the first call would load."""
        ...


class Providers:
    """Creates a provider on its first use."""

    def __init__(
        self,
        settings: ModelSettings,
        *,
        scrub: Scrub,
        stopped: Callable[[float], bool],
        make_agent: Callable[[str], Provider] | None = None,
    ) -> None:
        self._settings = settings
        self._make_agent = make_agent
        self._scrub = scrub
        self._stopped = stopped
        self._clients = BedrockClients(settings)
        self._lock = threading.Lock()
        self._made: dict[str, Provider] = {}

    def get(self, name: str) -> Provider:
        """Return the provider for a model name; raise `ModelError` for `none`."""
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def warm_up(self, names: tuple[str, ...]) -> None:
        """Import and create what these models need; the first call reports a failure."""
        for name in names:
            with suppress(ReviewLoopError):
                if split_model(name)[0] in OFFLINE:
                    continue
                provider = self.get(name)
                try:
                    provider.warm_up()
                    prices.estimate(name, input_tokens=1, output_tokens=1)  # reads the price list
                except provider_errors():  # looked up late: the libraries are loaded by now
                    continue

    def scope(self, name: str) -> str:
        """Return where a model runs (region, profile, role), for messages."""
        return where(self._settings) if split_model(name)[0] == BEDROCK else ""

    def _make(self, name: str) -> Provider:
        provider, ident = split_model(name)
        if provider == "none":
            raise ModelError(
                "this step needs a model and the model is `none`; set models.reasoning or give "
                "--model"
            )
        if provider == "script":
            from reviewloop.llm.script import ScriptProvider  # for tests and the demo

            return ScriptProvider(Path(ident).expanduser(), stopped=self._stopped)
        if provider == "replay":
            return ReplayProvider(Path(ident).expanduser(), scrub=self._scrub)
        if provider == ACP:
            if self._make_agent is None:
                raise ModelSetupError(f"{name} only reviews, by `reviewloop review`")
            return self._make_agent(ident)
        from reviewloop.llm.langchain import LangChainProvider

        return LangChainProvider(provider, ident, self._settings, self._clients)
