"""How fast secrets are masked in texts that are long or made to be slow.

    python benchmarks/masking_speed.py [MEGABYTES]

Prints for each text (10 MB by default) the megabytes per second of processor time, as models and
as people are shown it, with thirty made-up values held; then the seconds for one reply of 5,000
findings, from the provider's answer to what the next request quotes. Wanted: 5 MB/s for ordinary
code, 2 MB/s for the others, 4 s for the reply. A text with one hidden character is searched twice.
"""

import argparse
import inspect
import json
import random
import string
import sys
import time
from collections.abc import Callable

from benchmarks.secrets_noise import made_up
from reviewloop.llm.messages import Reply, ToolCall, redact_reply
from reviewloop.review.intake import read_findings
from reviewloop.secrets import Redactor

_SIGNS = string.ascii_letters + string.digits + string.punctuation
_BASE64 = string.ascii_letters + string.digits + "+/"


def code(size: int) -> str:
    """Return ordinary code: one module of the standard library, again and again."""
    return (inspect.getsource(argparse) * (size // 50_000))[:size]


def drawn(signs: str) -> Callable[[int], str]:
    """Return a function that makes one line of random characters."""
    return lambda size: "".join(random.Random(3).choices(signs, k=size))


def repeated(part: str) -> Callable[[int], str]:
    """Return a function that repeats a text."""
    return lambda size: part * (size // len(part))


TEXTS: dict[str, Callable[[int], str]] = {
    "ordinary code": code,
    "one line without spaces": drawn(_SIGNS),
    "base64": drawn(_BASE64),
    "one letter": repeated("a"),
    "telling names": repeated("datadog_token="),
    "names with values": repeated('dd_token: "abcdef0123456789" '),
    "keys begun": repeated("-----BEGIN PRIVATE" + f" KEY-----{'A' * 44}\n"),
    "addresses begun": repeated("postgres://u:pppppp"),
    "tokens in tokens": repeated("gl" + "pat-a1b2c3d4e5f6."),
    "signed begun": repeated("eyJ" + "a" * 20 + "."),
    "hidden characters": repeated("a\u200bb"),
    "escapes": repeated("\\u0061"),
}


def reply() -> Reply:
    """Return one answer with 5,000 findings."""
    findings = [
        {
            "severity": "must_fix",
            "title": f"The password number {n} is compared in plain text",
            "why": f"Anyone can read the secret key in the log, which keeps it for {n} days.",
            "suggestion": "Use hmac.compare_digest(token, given) instead of token == given.",
            "path": f"src/app/module_{n}.py",
            "line": n,
            "quote": f"if password == given_{n}:",
        }
        for n in range(5000)
    ]
    return Reply("", (ToolCall("1", "report_findings", {"findings": findings}),))


def whole_way(redactor: Redactor, answer: Reply) -> None:
    """Redact a reply as a run does: before recording, on storing, on using."""
    redactor.names_in(json.dumps(answer.plain(), ensure_ascii=False))
    used = redact_reply(answer, redactor.redact_held)
    redact_reply(used, redactor.for_models)
    read_findings(redact_reply(used, redactor.for_models).tool_calls[0].args)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    size = int(float(arguments[0] if arguments else "10") * 1e6)
    held = made_up()
    Redactor(held).for_models('password = "x"')  # compiles the patterns
    print(f"{'MB/s of processor time':28} models  people")
    for name, make in TEXTS.items():
        text, speeds = make(size), []
        for work in (Redactor(held, b"1").for_models, Redactor(held, b"1").for_people):
            started = time.process_time()
            work(text)
            speeds.append(len(text) / 1e6 / (time.process_time() - started))
        print(f"{name:28} {speeds[0]:6.1f}  {speeds[1]:6.1f}", flush=True)
    answer = reply()
    started = time.process_time()
    whole_way(Redactor(held, b"1"), answer)
    print(f"a reply of 5,000 findings: {time.process_time() - started:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
