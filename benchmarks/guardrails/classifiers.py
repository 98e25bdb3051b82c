"""`python -m benchmarks.guardrails classifiers`: what a KB of text costs the guard server, by its process's own time.

The server runs as the supervisor starts it and is asked over HTTP for injection and toxicity, as a worker asks: about
fresh texts, about the same texts once more (a policy's second rule), and about conversations that grow by a turn.
Processor's time comes in steps of 10 ms, so each figure is of many KB; the least of several rounds.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.gateway.machine import BenchmarkError, cpu_us
from benchmarks.guardrails.garak import MODELS
from benchmarks.guardrails.report import Report, Table
from genaiops.sdk import Client
from training import corpora
from training.packages import Packages
from training.writing import CACHE

_KEY: Final = "BENCHMARK_GUARD_KEY"
_KB: Final = 1024
_TURNS: Final = 8


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=MODELS, help=f"a folder of pulled weights [{MODELS}]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pieces", type=int, default=48, help="texts of a KB [48]")


def measure(given: argparse.Namespace) -> Report:
    passages = corpora.harmless(Packages(CACHE.expanduser() / "packages"), "BoolQ/test", "passage", 250)
    text = " ".join(text for text, _ in passages.rows)
    pieces = [text[at : at + _KB] for at in range(0, given.pieces * _KB, _KB)]
    server = _Server(given.models)
    try:
        server.cpu(pieces[:4], "warm")
        fresh: list[float] = []
        again: list[float] = []
        grown: list[float] = []
        for number in range(given.rounds):
            fresh.append(server.cpu(pieces, f"round {number}"))
            again.append(server.cpu(pieces, f"round {number}"))
            grown.append(sum(map(server.talk, *_talks(pieces, number))))
    finally:
        server.end()
    rows = [
        ("fresh text", min(fresh) / len(pieces)),
        ("text that the same key has just sent", min(again) / len(pieces)),
        (f"conversations of {_TURNS} turns of a KB, each sent with all before it", min(grown) / len(pieces)),
    ]
    return Report(
        name="classifiers",
        tables=[Table("injection and toxicity, ms of the server's CPU a KB", ("text", "ms a KB"), rows)],
        notes=["A KB of a conversation is counted once, though it is sent with each later turn."],
    )


def _talks(pieces: Sequence[str], number: int) -> tuple[list[list[str]], list[str]]:
    """Conversations, and whose they are."""
    talks = [list(pieces[at : at + _TURNS]) for at in range(0, len(pieces), _TURNS)]
    return talks, [f"talk {number} {at}" for at in range(len(talks))]


class _Server:
    def __init__(self, models: Path) -> None:
        command = [sys.executable, "-m", "genaiops.app.model_server", "guard", "--home", str(models.parent)]
        self._process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--key-env", _KEY],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, _KEY: "benchmark"},
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.search(r"on (127\.0\.0\.1:\d+)", said)
        if found is None:
            self.end()
            raise BenchmarkError(f"The guard server did not start: {said.strip()}")
        self._client = Client(f"http://{found[1]}", "benchmark", timeout=120)

    def cpu(self, texts: Sequence[str], scope: str) -> float:
        """ms of the server's CPU for these texts, one request each."""
        before = cpu_us([self._process.pid])
        for text in texts:
            self._ask([text], scope)
        return (cpu_us([self._process.pid]) - before) / 1e3

    def talk(self, turns: Sequence[str], scope: str) -> float:
        """The same for a conversation."""
        before = cpu_us([self._process.pid])
        for number in range(1, len(turns) + 1):
            self._ask(turns[:number], scope)
        return (cpu_us([self._process.pid]) - before) / 1e3

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate()

    def _ask(self, texts: Sequence[str], scope: str) -> None:
        body = {"texts": list(texts), "classifiers": ["injection", "toxicity"], "scope": scope}
        answer = self._client.post("/v1/classify", body)
        assert len(answer["data"]) == len(texts)
