"""The client against a server that answers as written here: good, wrong, broken off, silent."""

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from genaiops.core import errors
from genaiops.sdk import Client, path_of

Respond = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what the test put into `server.respond`, and notes what was asked."""

    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size)
        self.server.asked.append((self.command, self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        self.close_connection = True
        self.server.respond(self)  # type: ignore[attr-defined]

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server:
    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.asked = []  # type: ignore[attr-defined]
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = self._server.asked  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def respond(self, respond: Respond) -> None:
        self._server.respond = respond  # type: ignore[attr-defined]

    def with_json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.respond(lambda handler: handler.answer(status, json.dumps(value).encode(), headers))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.url, "secret-key", timeout=5)


def test_a_call(server: Server, client: Client) -> None:
    server.with_json({"id": "key_1"}, 201)
    assert client.post("/api/keys", {"name": "web"}) == {"id": "key_1"}
    method, path, headers, body = server.asked[0]
    assert (method, path, json.loads(body)) == ("POST", "/api/keys", {"name": "web"})
    sent = {name.lower(): value for name, value in headers.items()}
    assert (sent["authorization"], sent["content-type"]) == ("Bearer secret-key", "application/json")


def test_a_query(server: Server, client: Client) -> None:
    server.with_json({"data": []})
    client.get("/api/traces", {"q": "a b&c", "limit": 5, "history": True, "since": None})
    assert server.asked[0][1] == "/api/traces?q=a+b%26c&limit=5&history=true"


def test_pages_follow_the_cursor(server: Server, client: Client) -> None:
    def respond(handler: Handler) -> None:
        page = {"data": [{"n": 1}], "next": "c1"} if "cursor" not in handler.path else {"data": [{"n": 2}, {"n": 3}]}
        handler.answer(200, json.dumps({"next": None, **page}).encode())

    server.respond(respond)
    assert [item["n"] for item in client.pages("/api/keys")] == [1, 2, 3]
    server.asked.clear()
    assert [item["n"] for item in client.pages("/api/keys", most=2)] == [1, 2]
    assert [path.partition("?")[2] for _, path, _, _ in server.asked] == ["limit=2", "limit=1&cursor=c1"]
    server.asked.clear()
    assert [item["n"] for item in client.pages("/api/keys", most=1)] == [1]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (400, errors.UsageError, 2),
        (401, errors.Unauthenticated, 2),
        (403, errors.Forbidden, 2),
        (404, errors.NotFound, 2),
        (409, errors.Conflict, 2),
        (413, errors.TooLarge, 2),
        (429, errors.LimitReached, 1),
        (500, errors.StoreError, 3),
        (501, errors.NotBuilt, 2),
        (502, errors.UpstreamError, 3),
        (503, errors.Unavailable, 3),
        (504, errors.TimedOut, 3),
        (418, errors.UsageError, 2),
        (507, errors.OutsideError, 3),
    ],
)
def test_errors_are_those_of_the_tree(
    server: Server, client: Client, status: int, kind: type[errors.GenaiopsError], exit_code: int
) -> None:
    body = {"error": {"message": "It is so.", "type": "t", "code": "stable_word", "param": "name"}}
    server.with_json(body, status, {"x-genaiops-request-id": "req_1", "retry-after": "7"})
    with pytest.raises(errors.GenaiopsError) as caught:
        client.get("/api/me")
    error = caught.value
    assert type(error) is kind
    assert (error.exit_code, error.code) == (exit_code, "stable_word")
    assert error.message.startswith("It is so.")
    assert ("req_1" in error.message) == (status >= 500 and status != 501)
    if isinstance(error, errors.LimitReached):
        assert error.retry_after == 7


def test_an_error_of_something_in_between(server: Server, client: Client) -> None:
    server.respond(lambda handler: handler.answer(502, b"<html>\nBad gateway</html>"))
    with pytest.raises(errors.OutsideError, match="502 without an error of genaiops: <html>"):
        client.get("/api/me")


def test_an_answer_that_is_not_json(server: Server, client: Client) -> None:
    server.respond(lambda handler: handler.answer(200, b"<html>"))
    with pytest.raises(errors.OutsideError, match="not JSON"):
        client.get("/api/me")


def test_an_empty_answer(server: Server, client: Client) -> None:
    server.respond(lambda handler: handler.answer(204, b""))
    assert client.delete("/api/secrets/X") is None


def test_an_answer_that_is_cut_off(server: Server, client: Client) -> None:
    server.respond(lambda handler: handler.answer(200, b"{", {"content-length": "100"}))
    with pytest.raises(errors.OutsideError, match="failed"):
        client.get("/api/me")


def test_a_server_that_is_silent(server: Server) -> None:
    released = threading.Event()

    def respond(handler: Handler) -> None:
        released.wait(10)  # and then ends without an answer

    server.respond(respond)
    try:
        with pytest.raises(errors.TimedOut):
            Client(server.url, "k", timeout=0.05).get("/api/me")
    finally:
        released.set()


def test_nothing_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        client = Client(f"http://127.0.0.1:{taken.getsockname()[1]}", "k")
        with pytest.raises(errors.Unavailable) as caught:
            client.get("/api/me")
    assert "genaiops up" in (caught.value.remedy or "")


def test_without_a_key_nothing_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path))
    monkeypatch.delenv("GENAIOPS_API_KEY", raising=False)
    with pytest.raises(errors.Unauthenticated, match="no key"):
        Client(server.url).get("/api/me")
    assert server.asked == []


def test_published(server: Server, client: Client) -> None:
    server.with_json({}, 202, {"x-genaiops-published": "false"})
    assert not client.request("POST", "/api/teams", {}).published
    server.with_json({}, 201, {"x-genaiops-published": "true"})
    assert client.request("POST", "/api/teams", {}).published


def test_a_stream(server: Server, client: Client) -> None:
    body = b'event: trace\ndata: {"n": 1}\n\n: alive\n\nevent: trace\ndata: {"n": 2}\n\n'
    server.respond(lambda handler: handler.answer(200, body, {"content-type": "text/event-stream"}))
    with client.stream("GET", "/api/traces/tail") as stream:
        assert [event.json()["n"] for event in stream] == [1, 2]


def test_a_stream_that_breaks_off(server: Server, client: Client) -> None:
    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"9\r\ndata: 1\n\n\r\n50\r\ndata")

    server.respond(respond)
    seen: list[str] = []
    with client.stream("GET", "/api/traces/tail") as stream, pytest.raises(errors.OutsideError, match="broke off"):
        seen.extend(event.data for event in stream)
    assert seen == ["1"]


def test_a_stream_that_is_refused(server: Server, client: Client) -> None:
    server.with_json({"error": {"message": "No."}}, 403)
    with pytest.raises(errors.Forbidden, match="No"):
        client.stream("GET", "/api/traces/tail")


def test_paths_are_quoted() -> None:
    assert path_of("/api/keys", "key_1", "rotate") == "/api/keys/key_1/rotate"
    assert path_of("/api/targets", "a b?c#d/e") == "/api/targets/a%20b%3Fc%23d/e"


def test_importing_it_loads_little() -> None:
    code = "import sys, genaiops.sdk; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"click", "rich", "asyncio", "sqlalchemy", "litestar", "httpx", "jinja2", "numpy", "zoneinfo"}
    assert not heavy & set(modules)
