"""The worst model there can be: it says whatever an attack wants of it, as long as the attack arrives.

An OpenAI-compatible server. For each attack it was told an answer that counts as a success. A request with that very
text, or with nine tenths of it, gets this answer; all others get their own text back. So what does not succeed behind a
gateway was stopped by its guard, and by nothing else.
"""

import json
import threading
from collections.abc import Mapping
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

_SHINGLE: Final = 12
_ARRIVED: Final = 0.9
"""The share of an attack that has to arrive: less, and what it was made of is gone."""


class Obedient:
    """Runs in threads of its own from `with` on. `answers`: text of an attack -> what to say."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="obedient", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def say(self, text: str) -> str:
        known = self._answers.get(text)
        if known is not None:
            return known
        arrived = _shingles(text)
        share, answer = max(
            ((len(wanted & arrived) / len(wanted), answer) for wanted, answer in self._known if wanted),
            key=lambda found: found[0],
            default=(0.0, text),
        )
        return answer if share >= _ARRIVED else text

    @cached_property
    def _known(self) -> list[tuple[frozenset[str], str]]:
        return [(_shingles(text), answer) for text, answer in self._answers.items()]


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[at : at + _SHINGLE] for at in range(len(text) - _SHINGLE + 1))


def _handler(model: Obedient) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else the second waits 40 ms for the first one's receipt

        def do_POST(self) -> None:
            asked: Any = json.loads(self.rfile.read(int(self.headers["content-length"])))
            message = {"role": "assistant", "content": model.say(asked["messages"][-1]["content"])}
            answer = {
                "id": "chatcmpl-obedient",
                "object": "chat.completion",
                "created": 0,
                "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing is printed: texts of attacks are nobody's to read by accident."""

    return Handler
