"""The requests to the stand-in for GitHub, and the failures it should simulate."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request; `operation` is the id in GitHub's description, or `graphql`."""

    operation: str
    method: str
    path: str
    query: dict[str, str]
    body: Any
    login: str
    status: int  # 0 where the connection was reset
    happened: bool  # whether the operation was carried out
    accept: str = ""  # the media type that was asked for
    at: float = field(default_factory=time.monotonic)  # when it was answered


@dataclass
class Fault:
    """Something that goes wrong with the next requests of an operation."""

    operation: str  # id or pattern for the whole of it
    status: int = 0  # 0 resets the connection
    message: str = "Server Error"
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False  # whether it happens although the answer is bad
    times: int = 1
    skip: int = 0  # requests that go well before
    data: Any = None  # of the answer, instead of the message
    act: Callable[[], object] | None = None  # something that happens just before; nothing fails
