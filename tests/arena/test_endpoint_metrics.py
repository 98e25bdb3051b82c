"""Metrics that ask an endpoint, against a real one: what is posted, what is read, and what is an error and no score."""

import json
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from genaiops.app.item_sources import shown
from genaiops.app.posting import HttpPost
from genaiops.arena import Ask, Judges, Runner, asker, cases_of, read_suite
from genaiops.arena._answering import LONGEST_MEDIA
from genaiops.domain import Judged, Run, SuiteTarget
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.runs import Runs
from tests.arena.test_judges import LOCAL, METEOR, SANDBOX
from tests.checks.metrics.test_images import drawn

SHADES = [drawn(noise) for noise in range(8)]


class Served(BaseHTTPRequestHandler):
    """By the path: vectors of images and texts, scores, chats with pictures, and what goes wrong."""

    seen: ClassVar[list[tuple[Mapping[str, str], Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((dict(self.headers), body))
        status, said = 200, self.said(body)
        if self.path == "/broken":
            status, said = 500, {"error": {"message": "out of memory"}}
        if self.path == "/slow":
            time.sleep(1.5)
        data = b"no JSON" if self.path == "/text" else json.dumps(said).encode()
        try:
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # who asked is gone

    def said(self, body: Any) -> Any:
        if self.path == "/chat":
            asked = body["messages"][-1]["content"]
            size = LONGEST_MEDIA if asked == "huge" else 0
            picture = f"data:image/png;base64,{SHADES[len(asked) % 8]}{'A' * size}"
            content = [{"type": "text", "text": "Here."}, {"type": "image_url", "image_url": {"url": picture}}]
            return {"choices": [{"message": {"content": content}}]}
        if self.path == "/score":
            return {"model": "m", "version": "1", "score": len(body["images"]) / 2, "reason": body["asked"]}
        if self.path == "/far":
            return {"model": "m", "version": "1", "score": 7}
        rows = [self.vector(each) for each in body["inputs"]]
        return {"model": "m", "version": "2", "vectors": rows[:1] if self.path == "/fewer" else rows}

    def vector(self, given: Mapping[str, str]) -> list[float]:
        if given["kind"] == "text":
            return [3.0, 4.0]
        return [float(len(given["data"]) % 7), float(sum(map(ord, given["data"])) % 11)]

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Runs]:
    opened = open_runs(f"sqlite:///{tmp_path / 'runs.db'}")
    yield opened
    opened.close()


async def ran(store: Runs, text: str, asked: tuple[str, ...], timeout: float = 20) -> list[Judged]:
    cases = "".join(f'[[case]]\ninput = "{each}"\nexpected = "{SHADES[at]}"\n' for at, each in enumerate(asked))
    suite = read_suite(f"{cases}{text}\n[run]\nretries = 0\n", "toml").checked()
    found, post = cases_of(suite, folder=None), HttpPost()
    run = Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1)
    store.create(run, found)

    def ask_of(target: SuiteTarget) -> Ask:
        return asker(target, post=post, gateway=None, secret="s3cret" if target.secret else "", timeout=timeout)

    means = lambda purse, stop: Judges(store, suite, ask_of, purse, stop, local=LOCAL, sandbox=SANDBOX, meteor=METEOR)  # noqa: E731
    ended = await Runner(store, run, suite, found, {"t": ask_of(suite.target[0])}, means=means)()
    await post.aclose()
    assert ended.state == "done"
    return list(store.judged("run_1"))


def target(port: int) -> str:
    return f'[[target]]\nname = "t"\nurl = "http://127.0.0.1:{port}/chat"\n'


def check(port: int, name: str, path: str, more: str = "") -> str:
    options = f'{{url = "http://127.0.0.1:{port}{path}", secret = "KEY"{more}}}'
    return f'[[check]]\nname = "{name}{path}"\nmetric = "{name}"\noptions = {options}\n'


async def test_pictures_of_a_chat_are_measured_by_vectors_and_scores(store: Runs, port: int) -> None:
    Served.seen.clear()
    text = target(port) + "".join(
        check(port, *each) for each in (("clip_score", "/vectors"), ("endpoint", "/score"), ("fid", "/vectors"))
    )
    judged = await ran(store, text + '[[check]]\nmetric = "psnr"\n', ("a", "bb", "ccc"))
    answers = store.answered("run_1")
    assert {each.output for each in answers} == {"Here."}
    assert all(shown(each) == each.media[0] for each in answers)
    assert all(each.media[0].startswith("data:image/png;base64,") for each in answers)
    by_check = {name: [each for each in judged if each.check == name] for name in {each.check for each in judged}}
    [first, *_] = by_check["clip_score/vectors"]
    assert all(0 <= (each.verdict.measure or 0) <= 2.5 for each in by_check["clip_score/vectors"])
    assert first.verdict.evidence == ("m 2",)
    assert [each.verdict.measure for each in by_check["endpoint/score"]] == [0.5] * 3
    [fid] = by_check["fid/vectors"]
    assert fid.verdict.measure is not None
    assert "3 images, 3 references, 2 dimensions, by m 2." in fid.verdict.reason
    assert all(each.verdict.measure is not None for each in by_check["psnr"])
    posted = [(headers, body) for headers, body in Served.seen if "format" in body]
    assert {body["format"] for _, body in posted} == {"genaiops-features-1", "genaiops-score-1"}
    assert {headers["authorization"] for headers, _ in posted} == {"Bearer s3cret"}
    kinds = {tuple(part["kind"] for part in body["inputs"]) for _, body in posted if "inputs" in body}
    assert kinds == {("image", "text"), ("image", "image")}


async def test_what_goes_wrong_is_an_error_and_no_score(store: Runs, port: int) -> None:
    wrong = {
        "/broken": "500: out of memory",
        "/text": "gave no answer",
        "/fewer": "1 vectors of lengths [2] for 2 inputs",
    }
    text = target(port) + "".join(check(port, "clip_score", path) for path in wrong)
    text += check(port, "clip_score", "/vectors", ', version = "m 1"') + check(port, "endpoint", "/far")
    text += check(port, "fid", "/broken")
    judged = {each.check: each.verdict for each in await ran(store, text, ("a",))}
    assert {each.outcome for each in judged.values()} == {"error"}
    assert {each.measure for each in judged.values()} == {None}
    for path, says in wrong.items():
        assert says in judged[f"clip_score{path}"].reason
    assert "The endpoint is m 2, and the suite wants m 1." in judged["clip_score/vectors"].reason
    assert "score 7 is not from 0.0 to 1.0" in judged["endpoint/far"].reason
    assert "500: out of memory" in judged["fid/broken"].reason


async def test_an_endpoint_that_does_not_answer_in_time(store: Runs, port: int) -> None:
    text = f'[[target]]\nname = "t"\npython = "{__name__}:picture"\n' + check(port, "clip_score", "/slow")
    [said] = await ran(store, text, ("a",), timeout=0.5)
    assert said.verdict.outcome == "error"
    assert "did not answer in 0.5 s" in said.verdict.reason


async def test_a_picture_that_is_too_large_is_no_answer(store: Runs, port: int) -> None:
    assert not await ran(store, target(port) + '[[check]]\nmetric = "psnr"\n', ("huge",))
    [answer] = store.answered("run_1")
    assert (answer.state, answer.media) == ("unreadable", ())
    assert "are kept" in answer.error


def picture(case: dict[str, str]) -> str:
    return SHADES[1]
