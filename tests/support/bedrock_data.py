"""What each session of botocore works out anew though it never changes, once per process.

That is the descriptions of AWS's services, 50 ms of CPU, and for each of a hundred handlers what
its event is called and whether it takes keywords, 7 ms. Sessions and clients stay as real as they
are: within one session botocore shares most of this in the same way.
"""

import functools
from typing import Any

import botocore.hooks
import botocore.loaders
import botocore.session


def read_service_data_once() -> None:
    """Let all sessions of this process share one reader, and what is known of their handlers."""
    shared = functools.cache(botocore.loaders.create_loader)
    botocore.session.create_loader = shared
    events: Any = botocore.hooks.EventAliaser
    begin, names = events.__init__, dict[str, str]()

    def begin_with_names(self: Any, emitter: Any, aliases: Any = None) -> None:
        begin(self, emitter, aliases)
        if aliases is None:
            self._alias_name_cache = names

    events.__init__ = begin_with_names
    known = functools.lru_cache(1000)(botocore.hooks.accepts_kwargs)
    # A method takes what its function takes, and the cache must not keep the client it is of.
    hooks: Any = botocore.hooks
    hooks.accepts_kwargs = lambda handler: known(getattr(handler, "__func__", handler))


def read_service_data_now() -> None:
    """Read what a client of Bedrock needs, so that processes forked from this one have it."""
    session = botocore.session.get_session()
    for service in ("bedrock-runtime", "bedrock"):
        session.create_client(
            service,
            region_name="us-east-1",
            aws_access_key_id="stand-in",
            aws_secret_access_key="stand-in",
        )
