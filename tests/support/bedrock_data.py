"""The descriptions of AWS's services that come with botocore, read once per process.

Each session reads them anew, 50 ms of CPU, though nobody changes them. Sessions and clients stay as
real as they are: within one session botocore shares these objects in the same way.
"""

import functools

import botocore.loaders
import botocore.session


def read_service_data_once() -> None:
    """Let all sessions of this process share one reader."""
    shared = functools.cache(botocore.loaders.create_loader)
    botocore.session.create_loader = shared  # type: ignore[assignment]


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
