"""A site whose only model is a coding agent that plays all parts: for the tests of acp."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from support import play
from support.crash import Site

SUPPORT = Path(__file__).parent
CONSTANTS = (
    *("BROKEN", "TEST", "N_PLUS_ONE", "INJECTION", "BOUND", "ONE_QUERY", "QUOTE_TEST"),
    *("SECURITY", "PERFORMANCE", "FOUND"),
)
TASK = ("2.1", "--model", "acp:scripted")
LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]


@contextmanager
def ledger() -> Iterator[tuple[int, list[str]]]:
    """Yield the port of what counts the prompts that agents were asked, and the list of them."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path.strip("/"))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


class Workshop:
    """A site whose only model is a coding agent, and the ledger of what that was asked."""

    def __init__(self, site: Site, port: int, asked: list[str]) -> None:
        self.site, self.asked = site, asked
        self.root = site.checkout.root
        self.data = site.folder / "play.json"
        self.play()
        command = [sys.executable, str(SUPPORT / "acp_writer.py"), str(self.data)]
        own = self.own = site.checkout.home / ".config/reviewloop/config.toml"
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(
            f"[acp.scripted]\ncommand = {json.dumps([*command, f'mark={site.folder}'])}\n"
            f'hosts = ["localhost:{port}"]\nread = ["{SUPPORT}"]\nenv = ["LEDGER", "FACTS"]\n'
        )
        site.checkout.environ["LEDGER"] = str(port)

    def play(self, **extra: Any) -> None:
        """Write the play, with what differs."""
        constants = {name: getattr(play, name) for name in CONSTANTS}
        self.data.write_text(json.dumps({**constants, "extra": extra}))

    def paid_twice(self) -> list[str]:
        return [one for one, count in Counter(self.asked).items() if count > 1]

    def committed(self) -> str:
        return self.site.checkout.git("show", "--stat", "--format=%s", "HEAD")


@contextmanager
def workshops(folder: Path) -> Iterator[Workshop]:
    """Yield a workshop in a folder."""
    with Site(folder) as site, ledger() as (port, asked):
        yield Workshop(site, port, asked)


def wait_for_none(site: Site) -> None:
    """Fail where a process of the site stays; one that was killed may still be on its way out."""
    for _ in range(200):
        if not site.processes():
            return
        time.sleep(0.05)
    assert site.processes() == []
