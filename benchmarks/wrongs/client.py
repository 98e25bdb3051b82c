"""A client without an opinion: what was answered, byte for byte, and whether the answer was whole."""

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
        """Whether a client can tell that something went wrong."""
        return self.status >= 400 or self.broken or any(_is_error(event) for event in self.events)

    def __str__(self) -> str:
        end = ", connection cut" if self.broken else ""
        shown = self.body[-160:] if len(self.body) > 160 and b"data:" in self.body else self.body[:160]
        return f"{self.status}{end} {shown.decode(errors='replace')!r}"


def _is_error(event: Any) -> bool:
    return isinstance(event, dict) and (bool(event.get("error")) or event.get("type") == "error")


def _text_of(answer: Any) -> str:
    if not isinstance(answer, dict):
        return ""
    for choice in answer.get("choices") or []:
        said = choice.get("message") or choice.get("delta") or {}
        return str(said.get("content") or "")
    if isinstance(answer.get("delta"), dict):
        return str(answer["delta"].get("text") or "")
    content = answer.get("content")
    return "".join(block.get("text") or "" for block in content) if isinstance(content, list) else ""


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    def post(self, path: str, key: str, body: Any, headers: Mapping[str, str] | None = None, read: int = 0) -> Reply:
        """`read`: hang up after so many bytes of the body (0: read it all). A `bytes` body is sent as it is."""
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
                    if read and len(got) >= read:
                        break
                broken = not read and bool(answer.length)  # fewer bytes than its content-length says
            except (http.client.IncompleteRead, OSError):
                broken = True
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, found, bytes(got), broken)
        except (http.client.HTTPException, OSError) as error:
            return Reply(0, {}, str(error).encode(), True)
        finally:
            connection.close()

    def at_once(self, count: int, path: str, key: str, body: Any) -> list[Reply]:
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(lambda _: self.post(path, key, body), range(count)))

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
