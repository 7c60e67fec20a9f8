"""`tasks --export github --create`: an issue for each task, opened once, then kept up to date."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.checkout import Checkout

SECRET = "s3cr3t-value-of-the-shop"
TASKS = "# Plan\n\n- [x] 1. Keep names\n- [ ] 2. Show {secret}\n  - Depends on: 1\n- [ ] 3. Sort\n"


class Tracker:
    """The issues of one repository, as GitHub's REST interface keeps them."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.writes: list[str] = []
        self.refuse_after: int | None = None  # writes that are taken

    def open(self, **fields: Any) -> dict[str, Any]:
        labels = [{"name": name} for name in fields.pop("labels", [])]
        issue = {"number": len(self.issues) + 1, "state": "open", "labels": labels, **fields}
        self.issues.append(issue)
        return issue

    def listed(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Return a page; a pull request is listed, too, as GitHub does."""
        label, page = query["labels"][0], int(query.get("page", ["1"])[0])
        size = int(query.get("per_page", ["30"])[0])
        found = [one for one in self.issues if label in {each["name"] for each in one["labels"]}]
        return found[(page - 1) * size : page * size]


class Handler(BaseHTTPRequestHandler):
    tracker: Tracker

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        assert url.path == "/repos/octo/demo/issues"
        self.answer(200, self.tracker.listed(parse_qs(url.query)))

    def do_POST(self) -> None:
        if self.taken():
            self.answer(201, self.tracker.open(**self.body()))

    def do_PATCH(self) -> None:
        fields = self.body()
        if not self.taken():
            return
        number = int(re.fullmatch(r"/repos/octo/demo/issues/(\d+)", self.path)[1])  # type: ignore[index]
        issue = self.tracker.issues[number - 1]
        if "labels" in fields:
            fields["labels"] = [{"name": name} for name in fields["labels"]]
        issue.update(fields)
        self.answer(200, issue)

    def taken(self) -> bool:
        """Whether this write is done; it is refused where the token may not."""
        tracker = self.tracker
        if tracker.refuse_after is not None and len(tracker.writes) >= tracker.refuse_after:
            self.answer(403, {"message": "Resource not accessible by personal access token"})
            return False
        tracker.writes.append(f"{self.command} {self.path}")
        return True

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        return found

    def answer(self, code: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(tracker: Tracker) -> Iterator[str]:
    handler = type("Bound", (Handler,), {"tracker": tracker})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


@pytest.fixture
def here(repo: Path, tmp_path: Path, tracker: Tracker) -> Iterator[Checkout]:
    path = repo / ".kiro/specs/shop/tasks.md"
    path.parent.mkdir(parents=True)
    path.write_text(TASKS.replace("{secret}", SECRET))
    with serving(tracker) as url:
        yield Checkout(
            repo,
            tmp_path / "home",
            settings={"GITHUB_API_URL": url, "GITHUB_TOKEN": "t" * 20, "SHOP_API_KEY": SECRET},
        )


CREATE = ("tasks", "--export", "github", "--create", "--repo", "octo/demo")


def test_each_task_is_an_issue_and_the_next_time_nothing_is_written(here, tracker):
    said = here.run(*CREATE)
    assert (said.code, said.err) == (0, "3 issues opened, 0 updated, 0 as before, in octo/demo\n")
    assert [(one["title"][:1], one["state"]) for one in tracker.issues] == [
        ("1", "closed"), ("2", "open"), ("3", "open"),
    ]  # fmt: skip
    assert {label["name"] for label in tracker.issues[1]["labels"]} == {
        "reviewloop-task", "spec:shop",
    }  # fmt: skip
    assert SECRET not in json.dumps(tracker.issues)
    done = len(tracker.writes)
    assert here.json(*CREATE)["unchanged"] == 3
    assert len(tracker.writes) == done


def test_what_changed_is_brought_up_to_date_and_words_and_labels_of_people_stay(here, tracker):
    here.run(*CREATE)
    second, third = tracker.issues[1:]
    second["body"] = second["body"].replace("\n", "\r\n") + "\r\n\r\nAda: see the wiki."
    second["labels"].append({"name": "later"})
    third["state"] = "closed"  # a person did not want it
    path = here.root / ".kiro/specs/shop/tasks.md"
    path.write_text(path.read_text().replace("[ ] 2. Show", "[x] 2. Show all"))
    said = here.run(*CREATE)
    assert said.err == "0 issues opened, 1 updated, 2 as before, in octo/demo\n"
    assert (second["title"][:10], second["state"]) == ("2 Show all", "closed")
    assert second["body"].endswith("Ada: see the wiki.")
    assert "later" in {label["name"] for label in second["labels"]}
    assert third["state"] == "closed"


def test_refused_half_way_it_fails_and_goes_on_without_a_copy(here, tracker):
    tracker.refuse_after = 2  # the first issue, and that it is closed
    said = here.run(*CREATE)
    assert (said.code, len(tracker.issues)) == (2, 1), said.err
    assert len(said.err.splitlines()) == 1
    tracker.refuse_after = None
    assert here.json(*CREATE) | {"version": 0} == {
        **{"version": 0, "kind": "tasks-created"},
        **{"opened": [2, 3], "updated": [], "unchanged": 1},
    }


def test_a_pull_request_with_the_mark_is_no_issue(here, tracker):
    mark = "<!-- reviewloop task: .kiro/specs/shop 3 -->"
    tracker.open(title="x", body=mark, labels=["reviewloop-task"], pull_request={"url": "x"})
    assert here.json(*CREATE)["opened"] == [2, 3, 4]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("tasks", "--create"), "--create goes with --export github"),
        (("tasks", "--export", "csv", "--create"), "--create goes with --export github"),
        (("tasks", "--export", "github", "--repo", "octo/demo"), "--repo with --create"),
        ((*CREATE[:-1], "octo"), "--repo"),
        (CREATE[:-2], "origin"),
    ],
)
def test_bad_input_is_one_sentence_and_2(here, words, sentence):
    said = here.run(*words)
    assert (said.code, sentence in said.err) == (2, True), said.err


def test_without_a_token_nothing_is_asked(here, tracker):
    said = here.run(*CREATE, GITHUB_TOKEN="")
    assert (said.code, tracker.writes) == (2, []), said.err
    assert "GITHUB_TOKEN" in said.err
