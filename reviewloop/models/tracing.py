"""Keep prompts from being sent to LangSmith because of what a shell happened to export."""

import os
import sys

_REROUTES = (
    "LANGSMITH_GATEWAY",
    "LANGSMITH_GATEWAY_API_KEY",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGSMITH_OTEL_ENABLED",
    "LANGSMITH_RUNS_ENDPOINTS",
)


def silence_tracing() -> None:
    """Switch LangSmith's tracing and gateway off for this process.

    To be called before the first graph or model is made; its readers keep what they saw first.
    """
    for name in _REROUTES:
        os.environ.pop(name, None)
    os.environ["LANGSMITH_TRACING"] = "false"
    # Another thread may be in the middle of importing it: then it has read nothing yet.
    reader = getattr(sys.modules.get("langsmith.utils"), "get_env_var", None)
    if reader is not None:
        reader.cache_clear()
