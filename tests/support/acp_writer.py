"""A coding agent that plays all parts of a run on the shop: `acp_writer.py DATA MARK`.

DATA is a JSON file with the play (`support.play`) and what differs from it. Each prompt is told to
a ledger, the provider's bill as it were, through the way out that its cage has.
"""

import json
import os
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.acp_agent import DONE, Agent, Message, request, update
else:
    from acp_agent import DONE, Agent, Message, request, update

PLAY: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
SEARCH = Path("shop/search.py")
TEST = Path("tests/test_search.py")
Call = tuple[str, Message]
"""A tool, and what it is called with."""


def role_of(said: str) -> str:
    if "one call of `report_resolution`" in said:
        return "quick-review"
    if "one call of `report_findings`" in said:
        [role, *_] = re.findall(r"# Your part: (\S+)", said)
        return str(role)
    if "# Fix exactly this finding" in said:
        return "fix"
    return "repair" if "# The checks that failed" in said else "implement"


def pay(role: str, said: str) -> None:
    """Tell the ledger that a turn was asked for; the proxy lets that through."""
    tell(f"{role}/{zlib.crc32(said.encode()):08x}")


def tell(path: str) -> None:
    host = f"localhost:{os.environ['LEDGER']}"  # in the cage 127.0.0.1 is its own
    port = int(os.environ["HTTP_PROXY"].rpartition(":")[2])
    request(port, f"GET http://{host}/{path} HTTP/1.1", {"Host": host})


def attempts() -> Callable[[Message], list[str]]:
    """Return what a hostile part tries; only that imports it, which takes as long as a turn."""
    if TYPE_CHECKING:
        from support.acp_attempts import tried
    else:
        from acp_attempts import tried
    return tried


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, (old, text)
    path.write_text(text.replace(old, new))


def make_a_mess() -> None:
    """Leave what no change may hold, and what misleads who looks at the folder with git."""
    Path("out").symlink_to("/etc")
    Path("shop/up.py").symlink_to("../../../../../etc/passwd")
    os.mkfifo("shop/pipe")
    Path("big.bin").write_bytes(b"x" * (33 << 20))
    with Path(".git/config").open("a") as file:
        file.write('[core]\n\tfsmonitor = "touch /tmp/never; echo"\n\thooksPath = hooks\n')
    Path(".git/info/exclude").write_text("*\n")
    Path(".git/index").unlink()
    for place in ("node_modules/evil/index.js", ".venv/lib/evil.py", "shop/sub/.git/HEAD"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text("evil\n")
    Path("closed").mkdir(mode=0o000)
    for name in (".claude", ".opencode"):
        Path(name).mkdir()
        Path(name, "settings.json").write_text("{}")


class Writer(Agent):
    def prompt(self, parameters: Message) -> Message:
        said = parameters["prompt"][0]["text"]
        pay(role_of(self.asked[0] if self.asked else said), said)
        update(sessionUpdate="tool_call", toolCallId="t", kind="edit", title="Edit search.py")
        self.asked.append(said)
        role = role_of(self.asked[0])
        if role in PLAY.get("extra", {}).get("hostile", ()):
            found = attempts()(json.loads(os.environ["FACTS"]))
            tell(f"tried-{role}/{'/'.join(name.replace(' ', '-') for name in found)}")
        ends = PLAY.get("extra", {}).get("ends", {}).get(role)
        if login := PLAY.get("extra", {}).get("login"):
            Path.home().joinpath(".agent/login.json").write_text(login)
        if ends:
            Path("shop/half.py").write_text("half done\n")
            if ends == "dies":
                os._exit(9)
            return {"result": DONE}
        part = getattr(self, role.replace("-", "_"), None)
        name, answer = part(said) if part else self.report(role)
        problem, error = self.tools.call(name, **answer)
        assert not error, problem
        if PLAY.get("extra", {}).get(role) == "after the answer":
            Path("shop/late.py").write_text("LATE = 1\n")
        return {"result": {**DONE, "usage": {"inputTokens": 1000, "outputTokens": 10}}}

    def finish(self, summary: str, subject: str = "") -> Call:
        return "finish", {"summary": summary, "subject": subject}

    def implement(self, said: str) -> Call:
        tasks = PLAY.get("extra", {}).get("tasks", {})
        begun = {said.find(title): title for title in tasks if title in said}
        if title := begun.get(min(begun, default=0), ""):  # others are named as done
            for path, text in tasks[title].items():
                Path(path).write_text(text)
            return self.finish(f"Wrote it: {title}.", title)
        extra = PLAY.get("extra", {}).get("implement", {})
        for path, text in extra.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text)
        for path, (old, new, secret) in PLAY.get("extra", {}).get("replace", {}).items():
            assert secret not in Path(path).read_text()
            edit(Path(path), old, new)
        if PLAY.get("extra", {}).get("mess"):
            make_a_mess()
        SEARCH.write_text(PLAY["BROKEN"])
        TEST.write_text(PLAY["TEST"])
        said, error = self.tools.call("run_gate", name="test")
        assert "failed" in said, (said, error)
        return self.finish("Added items_of.", "Find the items of a customer")

    def repair(self, _: str) -> Call:
        edit(SEARCH, "    return []", PLAY["N_PLUS_ONE"])
        return self.finish("Return the items.")

    def report(self, role: str) -> Call:
        if PLAY.get("extra", {}).get("tasks"):
            return "report_findings", {"findings": [], "evidence": []}
        said, error = self.tools.call("fs_read", path="shop/search.py")
        assert not error, said
        assert SEARCH.exists()
        return "report_findings", {"findings": PLAY["FOUND"][role], "evidence": []}

    def fix(self, said: str) -> Call:
        for path, text in PLAY.get("extra", {}).get("fix", {}).items():
            Path(path).write_text(text)
        bound, upper = PLAY["BOUND"], PLAY["BOUND"].replace("(customer,)", "(customer.upper(),)")
        if PLAY["SECURITY"]["title"] in said:
            if "made the checks fail" in said:
                edit(SEARCH, "(customer.upper(),)", "(customer,)")
            else:
                edit(SEARCH, PLAY["INJECTION"], upper)
        elif PLAY["PERFORMANCE"]["title"] in said:
            edit(SEARCH, f"{bound}\n{PLAY['N_PLUS_ONE']}", PLAY["ONE_QUERY"])
        else:
            TEST.write_text(TEST.read_text() + PLAY["QUOTE_TEST"])
        return self.finish("Fixed it.")

    def quick_review(self, said: str) -> Call:
        quotes = {
            PLAY["SECURITY"]["title"]: PLAY["ONE_QUERY"].split("\n")[0],
            PLAY["PERFORMANCE"]["title"]: PLAY["ONE_QUERY"].split("\n")[1],
        }
        answers = []
        for ident, title in re.findall(r"id: (\w+)\n.*\n.*\ntitle: (.*)", said):
            quote = quotes.get(title, "def test_a_quote_in_a_name_is_no_sql():")
            answer = {"id": ident, "resolved": True, "quote": quote, "reason": "it is gone"}
            answers.append(answer)
        return "report_resolution", {"resolutions": answers, "new_findings": []}


if __name__ == "__main__":
    Writer("good").start()
