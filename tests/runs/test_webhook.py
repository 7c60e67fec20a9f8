"""Notifications over a real server on loopback; one that hangs or fails is one sentence."""

import socket
import threading
from collections.abc import Iterator

import pytest
from support.webhook import Hook, listening

from reviewloop.app.webhook import post


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as server:
        yield server


def test_body_arrives_as_json(hook):
    assert post(hook.url, {"text": "2.1 wartet für dich"}) == ""
    assert hook.posted == [("/hook/s3cr3t", {"text": "2.1 wartet für dich"})]


@pytest.mark.parametrize("status", [500, 404, 302])
def test_failure_is_one_sentence_without_the_path(hook, status):
    hook.status = status
    assert post(hook.url, {}) == f"the webhook at 127.0.0.1 answered {status}"
    assert len(hook.posted) == 1  # a redirection is not followed


def test_server_that_hangs_is_left_alone(hook):
    hook.hangs = True
    assert post(hook.url, {}, seconds=0.3) == (
        "the webhook at 127.0.0.1 did not answer within 0.3 s"
    )


def test_nobody_there_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = post(f"http://127.0.0.1:{port}/", {})
    assert said.startswith("the webhook at 127.0.0.1 cannot be reached (")


def test_answer_that_is_no_http_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            client.recv(65536)
            client.sendall(b"hello\r\n\r\n")
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        said = post(f"http://127.0.0.1:{server.getsockname()[1]}/", {})
    assert said == "the webhook at 127.0.0.1 gave no proper answer (BadStatusLine)"
