"""Notifications follow the user's settings; a failed one never fails a command."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from reviewloop.app.project import open_repository, read_settings, stored_settings
from reviewloop.cli.notifications import notify_user
from reviewloop.domain.errors import UsageError
from reviewloop.settings import Settings

KEY = "AKIA" + "Z7Q2M5XW3PLK6RTB"


@pytest.fixture
def hook():
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if len(posted) > 1 else 204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/x", posted
        server.shutdown()


def test_webhook_gets_what_waits_without_secrets_and_a_failure_is_one_line(
    repo, hook, monkeypatch, capsys
):
    url, posted = hook
    monkeypatch.setenv("REVIEWLOOP_NOTIFY__WEBHOOK", url)
    repository = open_repository(repo)
    notify_user(repository, f"2.1 waits for you {KEY}", {"run": "r1", "reason": f"key {KEY}"})
    (body,) = posted
    assert (body["event"], body["run"], body["repository"]) == ("waiting", "r1", repo.name)
    assert KEY not in json.dumps(body)
    assert capsys.readouterr().err == ""
    notify_user(repository, "again", {})
    assert capsys.readouterr().err == "note: the webhook at 127.0.0.1 answered 500\n"


def test_nobody_is_called_unless_they_said_so(repo, capfd):
    notify_user(open_repository(repo), "2.1 waits for you", {})
    assert capfd.readouterr() == ("", "")


def test_desktop_without_a_program_is_one_line(repo, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("REVIEWLOOP_NOTIFY__DESKTOP", "true")
    repository = open_repository(repo)
    monkeypatch.setenv("PATH", str(tmp_path))
    notify_user(repository, "2.1 waits for you", {})
    assert "the desktop was not told: there is no notify-send or osascript" in (
        capsys.readouterr().err
    )


def test_desktop_program_gets_the_words_as_arguments(repo, monkeypatch, capsys, tmp_path):
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/told\n')
    program.chmod(0o755)
    monkeypatch.setenv("REVIEWLOOP_NOTIFY__DESKTOP", "true")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    notify_user(open_repository(repo), "-x $(id) waits for you", {})
    assert capsys.readouterr().err == ""
    assert (tmp_path / "told").read_text().splitlines()[-2:] == [
        "reviewloop",
        "-x $(id) waits for you",
    ]


def test_repository_cannot_name_a_webhook(repo):
    (repo / "reviewloop.toml").write_text('[notify]\nwebhook = "https://example.org/x"\n')
    with pytest.raises(UsageError, match=r"notify\.webhook .* a repository may not decide this"):
        read_settings(repo)


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "https://", "ftp://127.0.0.1/", "https://u:p@example.org/", "x"]
)
def test_address_that_others_could_read_is_refused(repo, monkeypatch, url):
    monkeypatch.setenv("REVIEWLOOP_NOTIFY__WEBHOOK", url)
    with pytest.raises(UsageError, match="expected an https address"):
        read_settings(repo)


def test_run_keeps_no_webhook():
    settings = Settings.model_validate({"notify": {"webhook": "https://example.org/x"}})
    assert "notify" not in stored_settings(settings)
