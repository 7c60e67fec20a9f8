"""The settings of how a person is called when something waits for them."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from reviewloop.settings.section import Section


def _address(url: str) -> str:
    """Refuse an address that others could read along with, or that is none."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if url and not (safe and parts.hostname and "@" not in parts.netloc):
        raise ValueError("an https address (http only on this machine), without a user name")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Notify(Section):
    """How you are called when a run or batch waits for you; all of it is off by default."""

    bell: bool = Field(default=False, description="Ring the bell of the terminal (BEL and OSC 9).")
    desktop: bool = Field(
        default=False, description="Show a desktop notification (notify-send or osascript)."
    )
    webhook: Annotated[str, AfterValidator(_address)] = Field(
        default="", description="Address that gets a POST with JSON; https, or http on loopback."
    )
