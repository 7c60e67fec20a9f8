"""Imports what asking a model takes, which is most of a second, while something is waited for."""

from contextlib import suppress

from reviewloop.models.routing import BEDROCK, OFFLINE, names_a_model, split_model


def load_libraries(name: str) -> None:
    """Import the libraries of a model's provider; what fails here is told by the first call."""
    if not names_a_model(name) or split_model(name)[0] in OFFLINE:
        return
    with suppress(ImportError):
        if split_model(name)[0] == BEDROCK:
            import boto3  # noqa: F401
            import langchain_aws  # noqa: F401
        else:
            import langchain.chat_models  # noqa: F401
