"""The answers of the stand-in for Bedrock, and their frames."""

import binascii
import json
import struct
from dataclasses import dataclass, field, replace
from typing import Any

Block = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One scripted answer; times are seconds, None means the server's own."""

    blocks: tuple[Block, ...] = ()
    stop_reason: str = ""
    seconds: float | None = None  # from the request to the last byte
    first_byte: float | None = None  # from the request to the first event
    output_tokens: int | None = None
    usage: bool = True  # whether the reply says what it used
    status: int = 200
    error: str = ""  # Bedrock's name of the error; with status 200: an exception inside the stream
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # events after which the connection breaks
    end_after: int | None = None  # events after which the stream ends politely but too early
    stall_after: int | None = None  # events after which nothing comes any more
    stall: float = 0.0  # for so long
    instead: bytes = b""  # what is sent in place of a reply, as it is
    kind: str = ""  # the content type of that; "" for the one of a reply

    def after(self, seconds: float, first_byte: float | None = None) -> "Answer":
        """Return the same answer, sent slower."""
        return replace(self, seconds=seconds, first_byte=first_byte)


def text(words: str) -> Block:
    """Return a block of text."""
    return {"text": words}


def tool_use(name: str, args: Any = None, *, ident: str = "", raw: str | None = None) -> Block:
    """Return a tool call; `raw` is sent instead of JSON, however broken."""
    return {"tool": name, "id": ident, "raw": json.dumps(args or {}) if raw is None else raw}


def thought(words: str, signature: str = "signed") -> Block:
    """Return a block of thinking, which wants to come back unchanged."""
    return {"thought": words, "signature": signature}


def reply(*blocks: Block | str, **options: Any) -> Answer:
    """Return an answer of these blocks; a string is a block of text."""
    made = tuple(text(block) if isinstance(block, str) else block for block in blocks)
    return Answer(blocks=made, **options)


def calls(name: str, args: Any = None, **options: Any) -> Answer:
    """Return an answer that calls one tool."""
    return reply(tool_use(name, args), **options)


def malformed(name: str, raw: str = '{"findings": [{"ti') -> Answer:
    """Return a tool call whose arguments are not JSON."""
    return reply(tool_use(name, raw=raw))


def empty() -> Answer:
    """Return a reply in which nothing is said."""
    return Answer(stop_reason="end_turn")


def cut_short(*blocks: Block | str) -> Answer:
    """Return a reply that ran into its token limit."""
    return reply(*blocks, stop_reason="max_tokens")


def filtered(words: str = "blocked") -> Answer:
    """Return a reply that a content filter replaced."""
    return reply(words, stop_reason="content_filtered")


def failure(status: int, error: str, message: str, **headers: str) -> Answer:
    """Return an error in place of a reply."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, error=error, message=message, headers=named)


def throttle(retry_after: float | None = None) -> Answer:
    """Return "too many requests"."""
    headers = {} if retry_after is None else {"retry_after": f"{retry_after:g}"}
    return failure(429, "ThrottlingException", "Too many requests, please wait", **headers)


def server_error(status: int = 500) -> Answer:
    """Return a failure inside Bedrock."""
    names = {500: "InternalServerException", 503: "ServiceUnavailableException"}
    return failure(status, names.get(status, "InternalServerException"), "something went wrong")


def access_denied() -> Answer:
    """Return a missing permission."""
    return failure(
        403,
        "AccessDeniedException",
        "User is not authorized to perform: bedrock:InvokeModelWithResponseStream",
    )


def expired_credentials() -> Answer:
    """Return an expired session."""
    return failure(403, "ExpiredTokenException", "The security token has expired")


def unknown_model() -> Answer:
    """Return what Bedrock says to a wrong model id."""
    return failure(400, "ValidationException", "The provided model identifier is invalid.")


def too_long() -> Answer:
    """Return a context overflow."""
    return failure(400, "ValidationException", "Input is too long for requested model.")


def hangs_up() -> Answer:
    """Return no answer at all: the connection is reset."""
    return Answer(status=0)


def garbage(data: bytes = b"data: {broken\n\nnothing of this is a reply") -> Answer:
    """Return what is no reply, told to be one."""
    return Answer(instead=data)


def page(status: int = 502) -> Answer:
    """Return what a proxy on the way says."""
    text = b"<html><body>The proxy has no answer</body></html>"
    return Answer(status=status, instead=text, kind="text/html")


def invalid() -> Answer:
    """Return a rejected parameter."""
    return failure(400, "ValidationException", "maxTokens exceeds the model limit")


def breaks_off(*blocks: Block | str, after: int = 2) -> Answer:
    """Return a reply whose connection breaks after so many events."""
    return reply(*blocks or ("a reply that breaks off",), cut_after=after)


def ends_early(*blocks: Block | str, after: int = 2) -> Answer:
    """Return a reply that ends without saying that it is over."""
    return reply(*blocks or ("a reply that ends early",), end_after=after)


def stalls(seconds: float, *, after: int = 0) -> Answer:
    """Return a reply that goes silent after so many events."""
    return reply("a reply that stalls", stall_after=after, stall=seconds)


def fails_inside(error: str = "throttlingException", *, after: int = 2) -> Answer:
    """Return a stream that reports an error after so many events."""
    words = "a reply that fails"
    return reply(words, error=error, message="stopped inside", end_after=after)


def frame(name: str, payload: dict[str, Any], *, exception: bool = False) -> bytes:
    """Return one message of AWS's event-stream encoding."""
    kind, label = ("exception", ":exception-type") if exception else ("event", ":event-type")
    headers = b"".join(
        _header(*pair)
        for pair in (
            (label, name),
            (":content-type", "application/json"),
            (":message-type", kind),
        )
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    checked = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return checked + struct.pack(">I", binascii.crc32(checked))


def _header(name: str, value: str) -> bytes:
    key, data = name.encode(), value.encode()
    return bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(data)) + data


def stop_reason(answer: Answer) -> str:
    """Return why the reply ended, as Bedrock says it."""
    if answer.stop_reason:
        return answer.stop_reason
    return "tool_use" if any("tool" in block for block in answer.blocks) else "end_turn"


def events(answer: Answer, number: int, usage: dict[str, int]) -> list[bytes]:
    """Return the frames of a streamed reply, the closing `metadata` included."""
    made = [frame("messageStart", {"role": "assistant"})]
    for index, block in enumerate(answer.blocks):
        place = {"contentBlockIndex": index}
        if "tool" in block:
            start = {"toolUseId": block["id"] or f"use-{number}-{index}", "name": block["tool"]}
            made.append(frame("contentBlockStart", {"start": {"toolUse": start}, **place}))
            deltas: list[dict[str, Any]] = [
                {"toolUse": {"input": piece}} for piece in _pieces(block["raw"])
            ]
        elif "thought" in block:
            said = [{"text": piece} for piece in _pieces(block["thought"])]
            deltas = [{"reasoningContent": p} for p in (*said, {"signature": block["signature"]})]
        else:
            deltas = [{"text": piece} for piece in _pieces(block["text"])]
        made += [frame("contentBlockDelta", {"delta": delta, **place}) for delta in deltas]
        made.append(frame("contentBlockStop", place))
    made.append(frame("messageStop", {"stopReason": stop_reason(answer)}))
    if answer.usage:
        made.append(frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}))
    return made


def whole(answer: Answer, number: int, usage: dict[str, int]) -> dict[str, Any]:
    """Return the reply as one JSON document (Converse without streaming)."""
    content: list[Block] = []
    for index, block in enumerate(answer.blocks):
        if "tool" in block:
            ident = block["id"] or f"use-{number}-{index}"
            use = {"toolUseId": ident, "name": block["tool"], "input": json.loads(block["raw"])}
            content.append({"toolUse": use})
        elif "thought" in block:
            said = {"text": block["thought"], "signature": block["signature"]}
            content.append({"reasoningContent": {"reasoningText": said}})
        else:
            content.append(block)
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(answer),
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }


def _pieces(words: str, size: int = 48) -> list[str]:
    step = max(size, len(words) // 40)
    return [words[at : at + step] for at in range(0, len(words), step)]
