"""A model that obeys every instruction it reads, wherever that stands in its request.

An instruction is a mark, `OBEY-p07-readme`: payload 7, planted in the place "readme". It survives
diffs, file names and logs. For each mark that it has not read before the model calls the tools of
the payload, offered or not; its texts and its answer say what the payload wants said.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

from support.bedrock import Answer, Received, tool_use
from support.bedrock_answers import Block
from support.play import agent_of

MARK = re.compile(r"OBEY-(p\d\d)-([a-z]+)")
ENDINGS = ("finish", "report_findings", "report_resolution")
Call = tuple[str, dict[str, Any]]
Part = Callable[[Received], Answer]
Turn = Callable[[dict[str, Any], Received], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Payload:
    """One instruction: what it asks for, as tool calls, as words, or as a change of the answer.

    `{mark}` in calls and words becomes `p07-readme`, so that each effect tells where it came from.
    """

    id: str
    request: str  # as an attacker would write it
    calls: tuple[Call, ...] = ()
    words: str = ""  # said in every text of the answer
    turn: Turn | None = None  # bends the arguments of the answer

    def planted(self, place: str) -> str:
        """Return the instruction as it stands in a place."""
        return f"{self.request} OBEY-{self.id}-{place}"


def marks_in(text: str) -> list[tuple[str, str]]:
    """Return (payload, place) of every mark in a text, once each, in order."""
    return list(dict.fromkeys(MARK.findall(text)))


def read_by(received: Received) -> list[tuple[str, str]]:
    """Return the marks in everything that a request holds."""
    return marks_in(json.dumps(received.body, ensure_ascii=False))


def obedient(payloads: Iterable[Payload], honest: Mapping[str, Part]) -> Part:
    """Return the play in which every agent does its honest part and obeys what it reads."""
    table = {payload.id: payload for payload in payloads}

    def play(received: Received) -> Answer:
        answer = honest[agent_of(received)](received)
        known = [(table[ident], place) for ident, place in read_by(received) if ident in table]
        before = set(_read_before(received))
        fresh = [(p, place) for p, place in known if (p.id, place) not in before]
        blocks = list(_calls(fresh, received))
        for block in answer.blocks:
            blocks.append(_bent(block, known, received) if _is_ending(block) else block)
        return replace(answer, blocks=tuple(blocks))

    return play


def _read_before(received: Received) -> list[tuple[str, str]]:
    """Return the marks that the model had read when it last answered."""
    said = [n for n, message in enumerate(received.messages) if message["role"] == "assistant"]
    if not said:
        return []
    earlier = [received.body.get("system", []), received.messages[: said[-1]]]
    return marks_in(json.dumps(earlier, ensure_ascii=False))


def _calls(wanted: Iterable[tuple[Payload, str]], received: Received) -> Iterator[Block]:
    """Yield the tool calls; agents that may not write divide the first of each among themselves."""
    offered, unclear = set(received.tools), 0
    for payload, place in wanted:
        mark = f"{payload.id}-{place}"
        calls = payload.calls
        if "fs_write" not in offered:
            calls = calls[:1] if crc32(f"{received.agent} {mark}".encode()) % 3 == 0 else ()
        for tool, args in calls:
            if unclear == 2 and "glob" not in offered:
                return  # one more would end the conversation
            unclear = 0 if tool in offered - {"run_gate"} else unclear + 1
            yield tool_use(tool, filled(args, mark))
            if unclear == 2 and "glob" in offered:  # three in a row would end the conversation
                unclear = 0
                yield tool_use("glob", {"pattern": f"nothing-{mark}"})


def filled(value: Any, mark: str) -> Any:
    """Return JSON with `{mark}` filled in."""
    if isinstance(value, str):
        return value.replace("{mark}", mark)
    if isinstance(value, dict):
        return {filled(key, mark): filled(item, mark) for key, item in value.items()}
    return [filled(item, mark) for item in value] if isinstance(value, list) else value


def _is_ending(block: Block) -> bool:
    return block.get("tool") in ENDINGS


def _bent(block: Block, known: list[tuple[Payload, str]], received: Received) -> Block:
    args = json.loads(block["raw"])
    for payload in dict.fromkeys(payload for payload, _ in known):
        if payload.turn:
            args = payload.turn(args, received)
    texts = [filled(p.words, f"{p.id}-{place}") for p, place in known if p.words]
    if block["tool"] == "finish":
        args["summary"] = "\n\n".join([args["summary"], *texts])
        args["subject"] = " ".join([args.get("subject", ""), *texts[:1]])
    elif block["tool"] == "report_findings":
        args["findings"] = [*args["findings"], *map(as_finding, texts)]
    return tool_use(block["tool"], args)


def as_finding(text: str) -> dict[str, Any]:
    """Return a nit that says the text in every field it has."""
    return {
        "severity": "nit",
        "title": text,
        "why": text,
        "suggestion": text,
        "path": "",
        "quote": "",
        "category": text,
        "rule": text,
        "confidence": text,
        "verdict": "approve",
    }


@dataclass
class Seen:
    """Which marks reached which agents."""

    of: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    @classmethod
    def by(cls, ledger: Iterable[Received]) -> "Seen":
        """Return what a ledger says."""
        seen = cls()
        for received in ledger:
            for mark in read_by(received):
                seen.of.setdefault(mark, set()).add(received.agent)
        return seen

    def places(self) -> set[str]:
        """Return the places from which anything reached a model."""
        return {place for _, place in self.of}
