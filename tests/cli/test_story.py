"""docs/loop.md as it is written, with a prompt that is changed: the gate stops what is worse, an experiment on live
calls finds what the gate let pass, and what served before serves again."""

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Installation, request, until
from tests.cli.conftest import Ran, Shell
from tests.house.tree import ROOT

USERS = 260
BLOCK = re.compile(r'^```(?:\w*)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
PROMPT = "---\nvariables: {{question: string}}\n---\n# user\n{}\n"


class Page:
    """The commands of the page, each to be run in its turn, and its files."""

    def __init__(self, shell: Shell, folder: Path) -> None:
        blocks = BLOCK.findall((ROOT / "docs" / "loop.md").read_text(encoding="utf-8"))
        self._shell = shell
        self._lines = [line for title, text in blocks if not title for line in text.splitlines()]
        for title, text in blocks:
            if title:
                (folder / title).write_text(text, encoding="utf-8")

    def next(self, begins: str, **instead: str) -> Ran:
        """Runs the next command, which begins so, with words replaced."""
        line = self._lines.pop(0).replace("$(git rev-parse HEAD)", "c0ffee1").replace("--commit auto", "")
        assert line.startswith(f"genaiops {begins}"), line
        for old, new in instead.items():
            line = line.replace(old, new)
        return self._shell.run(*shlex.split(line)[1:])

    @property
    def left(self) -> list[str]:
        return self._lines


class Story:
    def __init__(self, shell: Shell, installation: Installation, folder: Path) -> None:
        self.shell, self.installation, self.folder = shell, installation, folder
        self.page = Page(shell, folder)

    def prompt(self, text: str) -> None:
        path = self.folder / "answer.md"
        path.write_text(PROMPT.format(text), encoding="utf-8")
        self.shell.ok("prompt", "push", "support/answer", str(path), "--alias", "dev")

    def ask(self, number: int, key: str) -> tuple[str, str]:
        """The trace of a call of a user, and the release that answered."""
        brought = {"variables": {"question": f"Where is order {number}?"}}
        body = {"model": "app/support", "messages": [], "user": f"user {number}", "genaiops": brought}
        answer = request(f"{self.installation.url}/v1/chat/completions", key=key, body=body)
        assert answer.status == 200, answer.body
        return answer.headers["traceparent"].split("-")[1], answer.headers["x-genaiops-release"]

    def release(self) -> str:
        """The next step of the page that makes one."""
        self.shell.ok("release", "create", "support", "--model", "smollm2", "--prompt", "support/answer@dev")
        return str(self.shell.ok("release", "list", "support", "--json").json()["data"][0]["id"])

    def judge(self, traces: list[str], name: str, value: object) -> None:
        def post(trace: str) -> int:
            body = {"trace_id": trace, "name": name, "value": value, "source": "user"}
            return request(f"{self.installation.url}/api/scores", key=self.installation.key, body=body).status

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(post, traces)) <= {200, 201}


@pytest.fixture
def story(connected: Shell, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.chdir(tmp_path)
    connected.ok("model", "add", "smollm2", "--provider", "echo")  # says what it is asked: the prompt is what counts
    made = Story(connected, installation, tmp_path)
    made.prompt("Short and friendly: {{question}}")
    connected.ok("app", "create", "support", "--title", "Support", "--purpose", "Answers.", "--risk", "limited")
    connected.ok("app", "acknowledge", "support", "--statement", "It uses generative AI.")
    made.release()
    connected.ok("app", "deploy", "support", "--release", "latest", "--env", "dev")
    return made


def from_traces_to_a_suite(story: Story) -> None:
    """Steps 1 to 4."""
    page, key = story.page, story.installation.key
    traces = [story.ask(number, key)[0] for number in range(40)]

    def listed() -> bool:
        return len(story.shell.ok("trace", "list", "--app", "support", "--limit", "100", "--json").json()["data"]) == 40

    until(listed, "the traces")
    assert page.next("trace list").status == 0
    story.judge(traces[1:], "feedback", "up")
    assert page.next("trace score", TRACE=traces[0]).status == 0
    assert "40 rows" in page.next("dataset from-traces").out
    assert page.next("dataset alias").status == 0
    story.shell.ok("suite", "push", "support", "support.toml", "--alias", "prod")


def live(story: Story, experiment: str, candidate: str) -> dict[str, Any]:
    """Calls of users of prod, who like the candidate less; what the experiment finds."""
    made = ("key", "create", "web", "--env", "prod", "--app", "support", "--model", "app/support", "--json")
    key = story.shell.ok(*made).json()["secret"]
    with ThreadPoolExecutor(4) as pool:
        came = list(pool.map(lambda number: story.ask(number, key), range(USERS)))
    story.judge([trace for trace, release in came if release == candidate], "helpful", 0)
    story.judge([trace for trace, release in came if release != candidate], "helpful", 1)

    def ended() -> dict[str, Any] | None:
        ran = story.shell.run("experiment", "show", experiment, "--json")
        found: dict[str, Any] = ran.json()
        return found if found["state"] == "ended" else None

    return until(ended, "the experiment to end")


@pytest.mark.slow  # an experiment waits 30 s for calls that come late
def test_from_traces_to_a_release_and_back(story: Story) -> None:
    from_traces_to_a_suite(story)
    page, shell = story.page, story.shell

    def serves() -> str:
        [row] = [
            each
            for each in shell.ok("app", "deployments", "support", "--json").json()["data"]
            if each["environment_id"] == "prod"
        ]
        [share] = row["shares"]
        return str(share["release_id"])

    story.prompt(
        "Say at length whatever comes to your mind about anything but {{question}}, and then about the weather."
    )
    worse = story.release()
    gate = ("suite", "run", "support@prod", "--release", "support@latest")
    failed = shell.run(*gate)
    assert (failed.status, "FAIL" in failed.out) == (1, True)
    refused = shell.run("app", "deploy", "support", "--release", "latest", "--env", "prod")
    assert (refused.status, "says fail" in refused.err) == (2, True)

    story.prompt("Short and kind: {{question}}")
    assert page.next("release create").status == 0
    assert page.next("suite run").status == 0
    assert page.next("app deploy").status == 0
    assert [row["run"]["verdict"]["outcome"] for row in page.next("suite trend", trend="trend --json").json()["data"]]
    good = serves()
    assert good != worse

    story.prompt("Short and friendly, my dear: {{question}}")
    candidate = story.release()
    unpassed = shell.run(
        "experiment", "new", "early", "--app", "support", "--env", "prod", "--candidate", "latest", "--metric", "errors"
    )
    assert unpassed.status == 0
    assert "suite run" in shell.run("experiment", "start", "early").err  # a share of prod is protected, too
    shell.ok(*gate)
    assert page.next("experiment new", **{"1h": "1s"}).status == 0
    assert page.next("experiment start").status == 0
    found = live(story, "warmer", candidate)
    assert found["outcome"] == "worse", found
    assert page.next("experiment show").status == 1
    assert page.next("experiment decide").status == 0
    assert serves() == good
    assert page.next("app history").status == 0
    assert page.left == []
