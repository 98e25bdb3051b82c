"""A client without an opinion: what was answered, byte for byte, and whether the answer was whole."""

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec

TIMEOUT = 60.0


class Reply(msgspec.Struct, frozen=True):
    """`broken`: the connection ended before the answer did."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    broken: bool = False

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def events(self) -> list[Any]:
        """The data of a stream's events, without `[DONE]`."""
        lines = [line[5:].strip() for line in self.body.split(b"\n") if line.startswith(b"data:")]
        return [json.loads(line) for line in lines if line.startswith(b"{")]

    @property
    def text(self) -> str:
        """What the model said, of a stream or a whole answer, in either dialect."""
        if b"data:" not in self.body[:4096]:
            return _text_of(self.json)
        return "".join(_text_of(event) for event in self.events)

    @property
    def failed(self) -> bool:
        """Whether a client can tell that something went wrong: by the status, an error event, a cut connection, or a
        stream without its last event."""
        if self.status != 200 or self.broken or any(_is_error(event) for event in self.events):
            return True
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            return _is_error(self.json)
        return not (b"data: [DONE]" in self.body or any(event.get("type") == "message_stop" for event in self.events))

    def __str__(self) -> str:
        end = ", connection cut" if self.broken else ""
        shown = self.body[-160:] if len(self.body) > 160 and b"data:" in self.body else self.body[:160]
        return f"{self.status}{end} {shown.decode(errors='replace')!r}"


def _is_error(event: Any) -> bool:
    fields = _fields(event)
    return bool(fields.get("error")) or fields.get("type") == "error"


def _text_of(answer: Any) -> str:
    fields = _fields(answer)
    choices: list[Any] = fields.get("choices") or []
    if choices:
        said: Any = choices[0].get("message") or choices[0].get("delta") or {}
        return str(said.get("content") or "")
    if fields.get("type") == "content_block_delta":
        return str(_fields(fields["delta"]).get("text") or "")
    blocks: list[Any] = fields.get("content") or []
    return "".join(block.get("text") or "" for block in blocks)


def _fields(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    def post(
        self, path: str, key: str, body: Any, headers: Mapping[str, str] | None = None, until: bytes = b""
    ) -> Reply:
        """`until`: hang up when this has come (empty: read it all). A `bytes` body is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        fields = {"content-type": "application/json", "authorization": f"Bearer {key}", **(headers or {})}
        if path.endswith("/messages"):
            fields["anthropic-version"] = "2023-06-01"
        try:
            connection.request("POST", path, data, fields)
            answer = connection.getresponse()
            got, broken = bytearray(), False
            try:
                while piece := answer.read1(65536):
                    got += piece
                    if until and until in got:
                        break
                broken = not until and bool(answer.length)  # fewer bytes than its content-length says
            except (http.client.IncompleteRead, OSError):
                broken = True
            finally:
                answer.close()
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, found, bytes(got), broken)
        except (http.client.HTTPException, OSError) as error:
            return Reply(0, {}, str(error).encode(), True)
        finally:
            connection.close()

    def at_once(self, count: int, path: str, key: str, body: Any) -> list[Reply]:
        with ThreadPoolExecutor(count) as threads:
            calls = [threads.submit(self.post, path, key, body) for _ in range(count)]
            return [call.result() for call in calls]

    def get(self, path: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Reply(answer.status, {}, answer.read())
        except (http.client.HTTPException, OSError) as error:
            return Reply(0, {}, str(error).encode(), True)
        finally:
            connection.close()
