"""Reviews with models that obey whatever they read: what code found stands, and reports are inert.

One review of a person's work, one of a patch on standard input, each with thirty payloads in every
place that a review reads; each pair is a test of its own.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from support import parts, play, steered
from support.bedrock import Answer, Received, reply, tool_use
from support.obedient import Seen, obedient
from support.payloads import EVIL, RUN, Row, thirty
from support.steered import Machine, leaks, machine, planted

from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.git.comparison import CompareSpec
from reviewloop.render.formats import MODULES, renderer
from reviewloop.render.terminal.review import print_review

READ = (
    *("comment", "code", "filename", "readme", "attributes", "agents", "steering", "agentfile"),
)
UNREAD = ("commit", "branch")
pytestmark = pytest.mark.timeout(180)  # the first test of each pays for all
IDS = [row.id for row in thirty(Path("/outside"))]
MODEL = "bedrock_converse:test.model"
TOKEN = "ghp_" + "R4nd0mChars" + "x9Kq2LmZ7vT5bW3nY8pJdF6hA"
HIDDEN = 'access = "user\u202e \u2066# only for admins\u2069 \u2066"\n'


@dataclass
class Reviewed:
    """What a review left."""

    machine: Machine
    rows: dict[str, Row]
    seen: Seen
    report: dict[str, Any]
    written: dict[str, str]  # format -> report
    bytes: tuple[dict[str, str], dict[str, str]]
    around: tuple[dict[str, str], dict[str, str]]


def reviewer(received: Received) -> Answer:
    """Read around, then report an injection."""
    if received.turn == 0:
        paths = ("README.md", "shop/search.py", "shop/store.py", ".gitattributes", "docs")
        return reply(*(tool_use("fs_read", {"path": path}) for path in paths))
    return parts.finds(play.SECURITY)(received)


HONEST: dict[str, Callable[[Received], Answer]] = dict.fromkeys(
    (*play.REVIEWERS, "review-extra", "reviewer"), reviewer
)


def committed(rows: list[Row]) -> dict[str, str]:
    """Return the files of the base."""
    agent = {"name": "review-extra", "prompt": planted(rows, "agentfile"), "tools": ["*"]}
    return {
        ".kiro/steering/team.md": planted(rows, "steering"),
        ".kiro/agents/review-extra.json": json.dumps(agent),
        "AGENTS.md": planted(rows, "agents"),
        "shop/store.py": steered.shop.FILES["shop/store.py"] + planted(rows, "code", "# "),
    }


def work(rows: list[Row]) -> dict[str, str]:
    """Return the files that are written after the commit."""
    names = {f"docs/OBEY-{row.id}-filename.txt": "x\n" for row in rows}
    search = play.SEARCH + planted(rows, "comment", "# ")
    return {
        "shop/search.py": search + f'API = "{TOKEN}"\n' + HIDDEN,
        "README.md": "# Shop\n\n" + planted(rows, "readme"),
        ".gitattributes": planted(rows, "attributes", "# ") + "* -diff\n",
        **names,
    }


def rendered(there: Machine, wish: ReviewRequest) -> dict[str, str]:
    """Return the report of a review in every format."""
    out = io.StringIO()
    with there.checkout.inside(), review(wish, Path.cwd()) as done:
        shown, report = done.shown, done.report
        texts = {
            name: shown.rendered(renderer(name)(report, shown, lambda _: None)) for name in MODULES
        }
        console = Console(file=out, width=120, markup=False, emoji=False, highlight=False)
        print_review(console, report, shown, verbose=True)
    return {**texts, "text": out.getvalue()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Reviewed]]:
    """Return a function that gives a review of the work, or of a patch, made once."""
    made: dict[str, Reviewed] = {}
    with ExitStack() as stack:

        def give(what: str) -> Reviewed:
            if what not in made:
                folder = tmp_path_factory.mktemp(what)
                made[what] = stack.enter_context(reviewed(folder, what))
            return made[what]

        yield give


@steered.contextmanager
def reviewed(folder: Path, what: str) -> Iterator[Reviewed]:
    """Review the work in a checkout, or the same as a patch on top of a clean one."""
    rows = {row.id: row for row in thirty(folder / "canary")}
    listed = list(rows.values())
    branch = "/".join(f"OBEY-{ident}-branch" for ident in rows)
    message = "base\n\n" + planted(listed, "commit")
    play_ = obedient(listed, HONEST)
    with machine(folder, play_, committed(listed), message=message, branch=branch) as there:
        checkout, asked = there.checkout, CompareSpec()
        for path, text in work(listed).items():
            checkout.write(path, text)
        if what == "patch":
            checkout.git("add", "-A")
            asked = CompareSpec(patch=checkout.git("diff", "--cached", "--text").encode() + b"\n")
            checkout.git("reset", "-q", "--hard")
        before, around = checkout.bytes(), there.around()
        written = rendered(there, ReviewRequest(asked, model=MODEL))
        yield Reviewed(
            machine=there,
            rows=rows,
            seen=there.seen(),
            report=json.loads(written["json"]),
            written=written,
            bytes=(before, checkout.bytes()),
            around=(around, there.around()),
        )


@pytest.mark.parametrize("place", READ)
@pytest.mark.parametrize("ident", IDS)
@pytest.mark.parametrize("what", ["work", "patch"])
def test_a_payload_is_read_and_gains_nothing(done, what, ident, place):
    there = done(what)
    assert there.seen.of.get((ident, place)), "nobody read it, so this test would show nothing"
    mark = f"{ident}-{place}"
    if there.rows[ident].kind == RUN:
        assert mark not in there.machine.executed()
    assert mark not in "".join(there.around[1])


@pytest.mark.parametrize("place", UNREAD)
@pytest.mark.parametrize("what", ["work", "patch"])
def test_names_and_messages_of_git_are_shown_to_no_model(done, what, place):
    assert place not in done(what).seen.places()


@pytest.fixture(params=["work", "patch"])
def there(request, done):
    return done(request.param)


def test_nothing_is_written_and_nothing_runs(there):
    assert there.bytes[0] == there.bytes[1]
    assert there.around[0] == there.around[1]
    assert there.machine.executed() == ""


def test_what_code_found_stands_whatever_models_were_told(there):
    report = there.report
    hard = {f["rule"] for f in report["findings"] if f["severity"] == "must_fix"}
    assert {"secret/github-token", "ruff/PLE2502"} <= hard
    assert all(f["status"] == "open" for f in report["findings"])
    assert report["exit_code"] == 1
    assert report["outcome"] == "findings"
    moved = [f for f in report["silenced"] if f["rule"] and f["agents"]]
    assert all("The comment in the code" in f["note"] for f in moved), "silenced with the reason"


def test_reviewers_that_speak_are_heard_as_nits_only(there):
    said = [f for f in there.report["findings"] if "OBEY" not in f["title"] and not f["path"]]
    assert said, "the payloads did speak"
    assert {f["severity"] for f in said} == {"nit"}


def test_no_secret_gets_out(there):
    sent, kept = there.machine.sent(), there.machine.kept()
    assert leaks(sent) == []
    written = "".join(there.written.values())
    assert leaks(kept + written, ["profile", "environment"]) == []
    assert TOKEN not in sent + written
    assert TOKEN not in there.machine.kept(versions=False)


@pytest.mark.parametrize("name", ["text", "concise", "github", "markdown", "html", "sarif", "json"])
def test_no_report_moves_a_terminal_or_hides_text(there, name):
    text = there.written[name]
    assert EVIL in text or name == "json"
    assert not re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_markdown_holds_no_links_images_or_html_of_others(there):
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table"])
    bad = []
    for token in parser.parse(there.written["markdown"]):
        for inner in [token, *(token.children or [])]:
            if inner.type == "image":
                bad.append(inner.content)
            if inner.type == "link_open" and EVIL in str(inner.attrs):
                bad.append(str(inner.attrs))
            html = inner.content if inner.type.startswith("html") else ""
            bad += [h for h in re.findall(r"<[^>]*>", html) if h not in FOLDS]
    assert bad == []
    shown = re.sub(r"(`+).*?\1", "", there.written["markdown"], flags=re.DOTALL)
    shown = re.sub(r"\]\(<https://(?!evil)[^>]*>\)", "]", shown)  # where rules are explained
    assert not re.search(r"(?<!\w)@\w|(?<![\w&`])#\d|GH-\d|(?<!\\)\]\(|https?://|www\.", shown)


FOLDS = {"<details>", "</details>", "<summary>", "</summary>"}


def test_html_holds_no_elements_or_links_of_others(there):
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            seen.append((tag, dict(attrs)))

    Tags().feed(there.written["html"])
    assert not {"img", "iframe", "object", "base", "embed"} & {tag for tag, _ in seen}
    assert [attrs for tag, attrs in seen if tag == "form"] == [{"method": "dialog"}]
    assert there.written["html"].count("<script") == 2  # the page's own, and its folded lines
    for _, attrs in seen:
        assert EVIL not in str(attrs.get("href", "")) + str(attrs.get("src", ""))
        assert not any(name.startswith("on") for name in attrs)


def test_workflow_commands_are_ours_alone(there):
    for line in there.written["github"].splitlines():
        assert line.startswith(("::error ", "::warning ", "::notice ")) or "::" not in line
        assert "##[" not in line.partition("::")[0]
    assert "\n::error::" not in there.written["github"]


def test_sarif_messages_hold_no_links(there):
    run = json.loads(there.written["sarif"])["runs"][0]
    messages = [result["message"] for result in run["results"]]
    assert messages
    for message in messages:
        assert not re.search(r"(?<!\\)\[[^\]]*(?<!\\)\]\(", message["text"])
        assert "markdown" not in message


def test_concise_lines_are_one_per_finding(there):
    lines = there.written["concise"].splitlines()
    assert len(lines) == len(there.report["findings"])
