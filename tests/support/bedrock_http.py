"""The HTTP of the stand-in for Bedrock: Converse, ConverseStream and a little around them."""

import contextlib
import json
import select
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from support.bedrock_answers import Answer, events, failure, frame, whole
from support.bedrock_ledger import MOST_POINTS, Received, now, points

if TYPE_CHECKING:
    from support.bedrock import BedrockServer

_ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASSUMED</AccessKeyId>
<SecretAccessKey>assumed</SecretAccessKey><SessionToken>assumed</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>A:reviewloop</AssumedRoleId>
<Arn>arn:aws:sts::1:assumed-role/r/reviewloop</Arn></AssumedRoleUser></AssumeRoleResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>"""


class BedrockHttp(ThreadingHTTPServer):
    """One thread per connection; none of them outlives the test."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], bedrock: "BedrockServer") -> None:
        self.bedrock = bedrock
        super().__init__(address, bedrock.handler or Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away: tests kill them on purpose."""


class Gone(Exception):
    """The client is not there any more."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small write waits 40 ms for an acknowledgement
    wbufsize = -1
    streams = "application/vnd.amazon.eventstream"
    server: BedrockHttp

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self.server.bedrock.other.append(self.path)
        ident = unquote(self.path.rpartition("/")[2])
        if not self.server.bedrock.known_models(ident):
            message = {"message": f"{ident} is not known"}
            self._json(404, message, {"x-amzn-ErrorType": "ResourceNotFoundException"})
        elif self.path.startswith("/inference-profiles/"):
            arn = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-v1:0"
            self._json(200, {"inferenceProfileId": ident, "models": [{"modelArn": arn}]})
        else:
            self._json(200, {"modelDetails": {"modelId": ident, "modelArn": f"arn:{ident}"}})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = self.path.split("/")
        if len(parts) != 4 or parts[1] != "model":
            self.server.bedrock.other.append(self.path)
            self._send(200, _ASSUMED.encode(), "text/xml", {})
            return
        body = json.loads(data)
        received, answer = self.server.bedrock.arrived(parts[3], unquote(parts[2]), body)
        try:
            self._answer(received, answer)
        except (OSError, Gone):
            self.close_connection = True
        finally:
            received.ended_at = now()

    def _answer(self, received: Received, answer: Answer | None) -> None:
        bedrock = self.server.bedrock
        if received.operation == "count-tokens":
            asked = received.body["input"]["converse"]
            counted = bedrock.cache.usage(received.model, asked, 0)["totalTokens"]
            self._json(200, {"inputTokens": counted})
            return
        answer = answer or bedrock.answer_to(received)
        if points(received.body) > MOST_POINTS:
            answer = failure(400, "ValidationException", "too many cache points in the request")
        if self._answers_otherwise(answer):
            return
        if answer.status != 200:
            received.status = answer.status
            kind = {"x-amzn-ErrorType": answer.error, **answer.headers}
            self._json(answer.status, {"message": answer.message}, kind)
            received.complete = True
            return
        size = sum(len(json.dumps(block)) for block in answer.blocks)
        output = max(1, size // 4) if answer.output_tokens is None else answer.output_tokens
        received.usage = bedrock.cache.usage(received.model, received.body, output)
        received.status = 200
        if received.operation == "converse":
            self._wait(answer.seconds or 0.0)
            bedrock.cache.remember(received.model, received.body)
            received.first_sent_at = now()
            self._json(200, whole(answer, received.number, received.usage))
            received.complete = True
        else:
            self._stream(received, answer)

    def _answers_otherwise(self, answer: Answer) -> bool:
        """Send what is no reply and no error of the protocol, and return whether that was it."""
        if not answer.status:
            # So the system says "reset" instead of "closed".
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Gone
        if answer.instead:
            self._send(answer.status, answer.instead, answer.kind or self.streams, answer.headers)
        return bool(answer.instead)

    def _stream(self, received: Received, answer: Answer) -> None:
        frames = events(answer, received.number, received.usage)
        first, total = answer.first_byte or 0.0, answer.seconds or 0.0
        self._wait(first)
        if answer.stall_after == 0:
            self._wait(answer.stall)
        self.send_response(200)
        self.send_header("content-type", self.streams)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for index, data in enumerate(frames):
            if index == answer.cut_after:
                self.connection.shutdown(socket.SHUT_RDWR)
                raise Gone
            if index == answer.end_after:
                if answer.error:
                    self._chunk(frame(answer.error, {"message": answer.message}, exception=True))
                self._chunk(b"")
                return
            if index and index == answer.stall_after:
                self._wait(answer.stall)
            if index == 0:
                self.server.bedrock.cache.remember(received.model, received.body)
                received.first_sent_at = now()
            if index == 2 or (index == 1 and len(frames) <= 2):
                self._wait(max(0.0, total - first))
            self._chunk(data)
        self._chunk(b"")
        received.complete = True

    def _wait(self, seconds: float) -> None:
        self.server.bedrock.wait(seconds)

    def _chunk(self, data: bytes) -> None:
        self._still_there()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _still_there(self) -> None:
        """Raise if the client has closed: a reply to nobody must not count as received."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable:
            with contextlib.suppress(BlockingIOError):
                if not self.connection.recv(1, socket.MSG_PEEK):
                    raise Gone

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), "application/json", headers or {})

    def _send(self, status: int, data: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
