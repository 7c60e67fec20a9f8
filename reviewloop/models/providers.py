"""The providers of a run by model name, each made once and shared by all agents."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reviewloop.domain.errors import ModelError, ReviewLoopError
from reviewloop.models import prices
from reviewloop.models.bedrock import BedrockClients, where
from reviewloop.models.messages import Scrub
from reviewloop.models.provider import Provider
from reviewloop.models.provider_table import BEDROCK
from reviewloop.models.replay_provider import ReplayProvider
from reviewloop.models.routing import OFFLINE, split_model
from reviewloop.models.script_provider import ScriptProvider
from reviewloop.models.trouble import provider_errors
from reviewloop.settings import Models as ModelSettings


class Providers:
    """Makes a provider at its first use."""

    def __init__(
        self, settings: ModelSettings, *, scrub: Scrub, stopped: Callable[[float], bool]
    ) -> None:
        self._settings = settings
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
        """Import and build what these models need; a failure will be told by the first call."""
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

    def place(self, name: str) -> str:
        """Return where a model is asked (region, profile, role), for messages."""
        return where(self._settings) if split_model(name)[0] == BEDROCK else ""

    def _make(self, name: str) -> Provider:
        provider, ident = split_model(name)
        if provider == "none":
            raise ModelError(
                "this step needs a model and the model is `none`; set models.reasoning or give "
                "--model"
            )
        if provider == "script":
            return ScriptProvider(Path(ident).expanduser(), stopped=self._stopped)
        if provider == "replay":
            return ReplayProvider(Path(ident).expanduser(), scrub=self._scrub)
        from reviewloop.models.langchain_provider import LangChainProvider

        return LangChainProvider(provider, ident, self._settings, self._clients)
