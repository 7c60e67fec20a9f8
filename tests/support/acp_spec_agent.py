"""A coding agent for tests that writes specs: `acp_spec_agent.py FILE`, documents by phase."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.acp_agent import DONE, Agent, Message
else:
    from acp_agent import DONE, Agent, Message


class SpecAgent(Agent):
    def open(self, parameters: Message) -> Message:
        opened = super().open(parameters)
        self.names = {one["name"] for one in self.tools.ask("tools/list")["tools"]}
        return opened

    def prompt(self, parameters: Message) -> Message:
        words = parameters["prompt"][0]["text"]
        if "ask_questions" in self.names:
            said, error = self.tools.call("ask_questions", questions=[])
        else:
            phase = re.findall(r"Write the document for the phase ([\w -]+),", words)[-1]
            texts = json.loads(Path(self.part).read_text())
            said, error = self.tools.call("write_document", document=texts[phase])
        assert not error, said
        return {"result": {**DONE, "usage": {"inputTokens": 100, "outputTokens": 10}}}


if __name__ == "__main__":
    SpecAgent(sys.argv[1]).start()
