"""The model of real coding agents that implement: they write by a command in their own shell.

with AgentModel(implementer) as model: ...
"""

import json
from typing import Any

from support.agent_models import ASIDE, OURS, SEARCHES, seen_results, tool
from support.bedrock import Answer, calls, reply
from support.bedrock_ledger import Received

_SHELLS = ("exec_command", "shell", "local_shell", "bash", "run_shell_command", "shell_command")
_SCRIPT = "sed -i s/md5/sha256/ shop/digest.py"


def implementer(received: Received) -> Answer:
    """Write the file, run the tests by our tool, and finish; as a reviewer find nothing."""
    results = seen_results(received)
    ending = "report_findings" if "one call of `report_findings`" in received.said else "finish"
    hidden = "tool_call" in received.tools and any(ending in text for text in results)
    if "# How you answer" not in received.said or not (hidden or tool(received, ending)):
        return _search(received, ending) or reply(ASIDE)

    def ours(name: str, arguments: dict[str, Any]) -> Answer:
        if hidden:
            return calls("tool_call", {"name": f"{OURS}{name}", "arguments": arguments})
        return calls(tool(received, name), arguments)

    if any("received; you are done" in text for text in results):
        return reply("Done.")
    if ending == "report_findings":
        return ours(ending, {"findings": [], "evidence": []})
    made = json.dumps(
        [
            block["toolUse"]
            for message in received.messages
            for block in message["content"]
            if "toolUse" in block
        ]
    )
    if "sha256" not in made:
        return _shell(received)
    if "run_gate" not in made:
        return ours("run_gate", {"name": "test"})
    return ours("finish", {"summary": "Uses SHA-256.", "subject": "Use SHA-256 for checksums"})


def _shell(received: Received) -> Answer:
    name = next(name for name in received.tools if name.lower() in _SHELLS)
    if name == "exec_command":
        return calls(name, {"cmd": _SCRIPT})
    command = ["bash", "-c", _SCRIPT] if name in ("shell", "local_shell") else _SCRIPT
    more = {"is_background": False} if name == "run_shell_command" else {}
    return calls(name, {"command": command, "description": "Use SHA-256", **more})


def _search(received: Received, ending: str) -> Answer | None:
    name = next((one for one in received.tools if one.lower() in SEARCHES), "")
    wanted = ",".join(f"{OURS}{one}" for one in ("fs_read", "run_gate", ending))
    return calls(name, {"query": f"select:{wanted}"}) if name else None
