"""Who runs the suite: genaiops, promptfoo and DeepEval, each in a process of its own, as their documentation says."""

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec

from benchmarks.gateway.machine import BenchmarkError
from benchmarks.gateway.peers import node_package, python_environment

AT_ONCE = 16
PROMPTFOO = "promptfoo@0.121.20"
DEEPEVAL = "deepeval==4.3.1"
LONGEST_SECONDS = 900.0


class Spent(msgspec.Struct, frozen=True):
    """Of a whole process, from its start to its end."""

    wall_s: float
    cpu_s: float


class Subject:
    name: ClassVar[str]
    setup: ClassVar[str]

    def __init__(self, folder: Path, port: int, cases: int) -> None:
        self.folder = folder
        self.port = port
        self.cases = cases

    def command(self) -> Sequence[str]:
        """Written, and installed, before the clock starts."""
        raise NotImplementedError

    def passed(self, printed: str) -> int:
        """How many cases passed, as it says itself."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def run(self) -> Spent:
        """BenchmarkError when it did not judge every case."""
        self.folder.mkdir(parents=True)
        command = list(self.command())
        environment = {**os.environ, **self.environment()}
        out, log = self.folder / "out", self.folder / "log"
        before, began = _children(), time.monotonic()
        with out.open("wb") as printed, log.open("wb") as said:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                timeout=LONGEST_SECONDS,
                check=False,
            )
        spent = Spent(time.monotonic() - began, _children() - before)
        try:
            passed = self.passed(out.read_text(errors="replace"))
        except (ValueError, KeyError, OSError, IndexError) as error:
            passed = -1
            print(error, file=sys.stderr)
        if passed != self.cases:
            tail = log.read_text(errors="replace")[-600:] + out.read_text(errors="replace")[-600:]
            raise BenchmarkError(f"{self.name} ended with {done.returncode}, {passed} of {self.cases} passed: {tail}")
        return spent

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def text(number: int) -> str:
    return f"Say that order {number} has left the house."


class Ours(Subject):
    name = "genaiops"
    setup = f"genaiops suite run --local, an HTTP target, {AT_ONCE} at once, every answer and verdict kept in SQLite"

    def command(self) -> Sequence[str]:
        rows = [json.dumps({"id": f"c{n}", "input": text(n), "expected": text(n)}) for n in range(self.cases)]
        (self.folder / "cases.jsonl").write_text("\n".join(rows))
        suite = self.folder / "suite.toml"
        suite.write_text(
            f"""
            cases = [{{file = "cases.jsonl"}}]
            target = [{{name = "echo", url = "{self.address}"}}]
            check = [{{metric = "equals", floor = 0.5}}]
            run.concurrency = {AT_ONCE}
            """
        )
        home = str(self.folder / "home")
        return [sys.executable, "-m", "genaiops", "suite", "run", str(suite), "--local", "--home", home, "--json"]

    def environment(self) -> Mapping[str, str]:
        return {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}

    def passed(self, printed: str) -> int:
        done = json.loads(printed)
        [floor] = [line for line in done["report"]["lines"] if line["kind"] == "floor"]
        return round((floor["verdict"].get("measure") or 0.0) * (done["run"]["done"] - done["run"]["failed"]))


class Promptfoo(Subject):
    name = "promptfoo"
    setup = f"promptfoo eval, an HTTP provider, {AT_ONCE} at once, no response cache, telemetry and updates off"

    def command(self) -> Sequence[str]:
        modules = node_package("promptfoo", PROMPTFOO)
        config = {
            "prompts": ["{{said}}"],
            "providers": [
                {
                    "id": self.address,
                    "config": {
                        "method": "POST",
                        "headers": {"content-type": "application/json"},
                        "body": {"model": "echo", "messages": [{"role": "user", "content": "{{prompt}}"}]},
                        "transformResponse": "json.choices[0].message.content",
                    },
                }
            ],
            "tests": [
                {"vars": {"said": text(n)}, "assert": [{"type": "equals", "value": text(n)}]} for n in range(self.cases)
            ],
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        return [
            *("node", str(modules / "promptfoo" / "dist" / "src" / "entrypoint.js"), "eval", "-c", "config.json"),
            *("--no-cache", "--no-table", "--no-progress-bar", "-j", str(AT_ONCE), "-o", "results.json"),
        ]

    def environment(self) -> Mapping[str, str]:
        return {
            "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1",
            "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
            "PROMPTFOO_CONFIG_DIR": str(self.folder / "home"),
        }

    def passed(self, printed: str) -> int:  # noqa: ARG002 (it writes a file)
        return int(json.loads((self.folder / "results.json").read_text())["results"]["stats"]["successes"])


class DeepEval(Subject):
    name = "DeepEval"
    setup = f"evaluate() with ExactMatchMetric, {AT_ONCE} at once; it is given the answers, and asks nobody"

    def command(self) -> Sequence[str]:
        python = python_environment("deepeval", DEEPEVAL)
        script = self.folder / "run.py"
        script.write_text(
            textwrap.dedent(
                f"""
                import json
                from deepeval import evaluate
                from deepeval.evaluate.configs import AsyncConfig, DisplayConfig
                from deepeval.metrics import ExactMatchMetric
                from deepeval.test_case import LLMTestCase

                texts = json.load(open("texts.json"))
                cases = [LLMTestCase(input=text, actual_output=text, expected_output=text) for text in texts]
                found = evaluate(
                    cases,
                    metrics=[ExactMatchMetric()],
                    async_config=AsyncConfig(max_concurrent={AT_ONCE}),
                    display_config=DisplayConfig(show_indicator=False, print_results=False),
                )
                print()
                print(sum(each.success for each in found.test_results))
                """
            )
        )
        (self.folder / "texts.json").write_text(json.dumps([text(n) for n in range(self.cases)]))
        return [str(python), str(script)]

    def environment(self) -> Mapping[str, str]:
        return {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "DEEPEVAL_UPDATE_WARNING_OPT_IN": "NO", "HOME": str(self.folder)}

    def passed(self, printed: str) -> int:
        return int(next(line for line in reversed(printed.split("\n")) if line.strip().isdecimal()))


PEERS: Mapping[str, type[Subject]] = {"promptfoo": Promptfoo, "deepeval": DeepEval}
