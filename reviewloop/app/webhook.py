"""Posts a message to the user's own URL when something waits for them; never fails a run."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from reviewloop.settings.schema import is_loopback

SECONDS = 5.0  # in all: name, connection, answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: the user agreed to one address only."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(url: str, body: Mapping[str, object], seconds: float = SECONDS) -> str:
    """Post the body as JSON; return the error, or "". The path is kept secret."""
    host = urlsplit(url).hostname or ""
    why: list[str] = []

    def send() -> None:
        why.append(_sent(url, json.dumps(body).encode(), seconds))

    thread = threading.Thread(target=send, name="webhook", daemon=True)
    thread.start()
    thread.join(seconds)  # a socket's time limit starts again with each byte
    problem = why[0] if why else f"did not answer within {seconds:g} s"
    return f"the webhook at {host} {problem}" if problem else ""


def _sent(url: str, data: bytes, seconds: float) -> str:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_loopback(urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json", "User-Agent": "reviewloop"}
    # Settings allow https, and http on loopback only.
    request = urllib.request.Request(url, data, headers, method="POST")  # noqa: S310 - see above
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        return f"answered {error.code}"
    except TimeoutError:
        return f"did not answer within {seconds:g} s"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return f"did not answer within {seconds:g} s"
        return f"cannot be reached ({getattr(reason, 'strerror', None) or type(reason).__name__})"
    except HTTPException as error:  # an answer that is not HTTP
        return f"gave no proper answer ({type(error).__name__})"
