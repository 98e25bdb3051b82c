"""The templates for build servers, run as they are written, against a server that keeps what it is told."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.app.running import Installation
from tests.house.tree import ROOT

SUITE = """
[[target]]
name = "new"
recorded = true
[[case]]
input = "a"
output = "A"
expected = "{}"
[[check]]
metric = "equals"
{}
"""


class Server:
    """GitHub's and GitLab's comments: a list, kept in memory."""

    def __init__(self) -> None:
        self.comments: dict[int, str] = {}
        self.calls: list[tuple[str, str, Mapping[str, str]]] = []
        self.refuses = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer([{"id": number, "body": text} for number, text in server.comments.items()])

            def do_POST(self) -> None:
                server.comments[len(server.comments) + 1] = self._body()
                self._answer({})

            def do_PATCH(self) -> None:
                server.comments[int(self.path.rpartition("/")[2])] = self._body()
                self._answer({})

            def _body(self) -> str:
                return json.loads(self.rfile.read(int(self.headers["content-length"])))["body"]

            def _answer(self, said: Any) -> None:
                server.calls.append((self.command, self.path, dict(self.headers.items())))
                data = json.dumps(said).encode()
                self.send_response(403 if server.refuses else 200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its base's name)
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "GENAIOPS_HOME": str(folder / "home"),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }


def bash(script: str, folder: Path, given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=dict(given),
        capture_output=True,
        text=True,
        check=False,
    )


class Action:
    """A runner of composite actions, as far as this one needs it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.document: dict[str, Any] = yaml.safe_load((ROOT / "ci" / "action.yml").read_text())
        self.output = folder / "output"
        self.summary = folder / "summary"
        self.said = ""
        self.environment = {
            **environment(folder),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_API_URL": server.url,
            "GITHUB_REPOSITORY": "them/it",
        }

    def run(self, *, pull_request: str = "7", **inputs: str) -> int:
        """The status of the first step that fails, else 0."""
        self.output.write_text("")
        self.summary.write_text("")
        given = {name: str(each.get("default", "")) for name, each in self.document["inputs"].items()} | inputs
        given["token"] = "secret-token"
        for step in self.document["runs"]["steps"]:
            assert "${{" not in step["run"]
            outputs = dict(line.split("=", 1) for line in self.output.read_text().splitlines())
            values = {f"inputs.{name}": value for name, value in given.items()}
            values |= {f"steps.run.outputs.{name}": value for name, value in outputs.items()}
            values["github.event.pull_request.number"] = pull_request
            filled = {
                name: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], text)  # noqa: B023 (called at once)
                for name, text in step["env"].items()
            }
            done = bash(step["run"], self.folder, self.environment | filled)
            self.said += done.stdout + done.stderr
            if done.returncode:
                return done.returncode
        return 0


def write(folder: Path, *, passes: bool, more: str = "") -> None:
    (folder / "answers.toml").write_text(SUITE.format("A" if passes else "B", more))


def test_the_action_comments_once_and_fails_with_the_gate(tmp_path: Path, server: Server) -> None:
    action = Action(tmp_path, server)
    write(tmp_path, passes=True)
    assert action.run(suite="answers.toml") == 0, action.said
    assert list(server.comments) == [1]
    assert "## PASS: answers" in server.comments[1]
    assert action.summary.read_text() == server.comments[1] == (tmp_path / "genaiops-reports/report.md").read_text()
    write(tmp_path, passes=False)
    assert action.run(suite="answers.toml", options="--repeats 2") == 1
    assert list(server.comments) == [1]
    assert "## FAIL: answers" in server.comments[1]
    assert [(method, path.partition("?")[0]) for method, path, _ in server.calls] == [
        ("GET", "/repos/them/it/issues/7/comments"),
        ("POST", "/repos/them/it/issues/7/comments"),
        ("GET", "/repos/them/it/issues/7/comments"),
        ("PATCH", "/repos/them/it/issues/comments/1"),
    ]
    assert {call[2]["authorization"] for call in server.calls} == {"Bearer secret-token"}
    assert "secret-token" not in action.said
    assert ElementTree.parse(tmp_path / "genaiops-reports/junit.xml").getroot().get("failures") == "2"


@pytest.mark.slow  # five runs, 5 s of CPU
def test_the_action_without_a_pull_request_or_a_right_to_comment(tmp_path: Path, server: Server) -> None:
    action = Action(tmp_path, server)
    write(tmp_path, passes=True, more="floor = 0.9")
    assert action.run(suite="answers.toml", pull_request="") == 4
    assert action.run(suite="answers.toml", comment="false", inconclusive="pass") == 0
    assert server.calls == []
    server.refuses = True
    assert action.run(suite="answers.toml", inconclusive="pass") == 0
    assert "::warning::No comment could be written." in action.said
    assert action.run(suite="none.toml") == 2
    assert action.run(suite='$(touch x)"; touch y; "', options="$(touch z)") == 2
    assert not [name for name in "xyz" if (tmp_path / name).exists()]


def test_the_job_of_gitlab(tmp_path: Path, server: Server) -> None:
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())[".genaiops-suite"]
    given = {
        **environment(tmp_path),
        **job["variables"],
        "GENAIOPS_SUITE": "answers.toml",
        "GENAIOPS_COMMENT_TOKEN": "secret-token",
        "CI_API_V4_URL": f"{server.url}/api/v4",
        "CI_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_IID": "3",
    }
    script = "\n".join([*job["before_script"], *job["script"]])
    write(tmp_path, passes=False)
    done = bash(script, tmp_path, given)
    assert done.returncode == 1, done.stderr
    assert "## FAIL: answers" in server.comments[1]
    [(method, path, headers)] = server.calls
    assert (method, path) == ("POST", "/api/v4/projects/12/merge_requests/3/notes")
    assert headers["private-token"] == "secret-token"
    assert "secret-token" not in done.stdout + done.stderr
    assert all(
        (tmp_path / path).exists() for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"])
    )
    write(tmp_path, passes=True, more="floor = 0.9")
    without = given | {"CI_MERGE_REQUEST_IID": "", "GENAIOPS_INCONCLUSIVE": "pass"}
    assert bash(script, tmp_path, without).returncode == 0
    assert len(server.comments) == 1


def test_scripts_name_only_options_that_there_are() -> None:
    text = (ROOT / "ci" / "action.yml").read_text() + (ROOT / "ci" / "gitlab.yml").read_text()
    said = subprocess.run(
        ["genaiops", "suite", "run", "--help"],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for option in ("--local", "--junit", "--jsonl", "--markdown", "--html"):
        assert option in text
        assert option in said


OF_RELEASE = """
[[target]]
name = "new"
release = "shop@latest"
[[case]]
input = "a"
expected = "{}"
[[check]]
metric = "equals"
"""


@pytest.mark.slow  # a server, and three runs on it
def test_what_passed_is_deployed_when_the_job_says_so(tmp_path: Path, server: Server) -> None:
    with Installation(tmp_path / "home", "--only", "gateway") as installation:
        installation.start()
        installation.add_echo("talker")  # says what it is asked
        given = environment(tmp_path)

        def genaiops(words: str) -> Any:
            done = bash(f"genaiops {words} --json", tmp_path, given)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        def serves() -> list[str]:
            rows = genaiops("app deployments shop")["data"]
            return [share["release_id"] for row in rows for share in row["shares"]]

        genaiops("app create shop --title Shop --purpose Answers. --risk limited")
        first = genaiops("release create shop --model talker --param seed=1")["id"]
        action = Action(tmp_path, server)
        (tmp_path / "answers.toml").write_text(OF_RELEASE.format("b"))
        assert action.run(suite="answers.toml", deploy="shop@dev") == 1
        reports = tmp_path / "genaiops-reports"
        assert "## FAIL: answers" in server.comments[1]
        assert ElementTree.parse(reports / "junit.xml").getroot().get("failures") == "2"
        assert genaiops(f"suite verify {reports / 'report.html'}")["holds"]
        assert serves() == []
        (tmp_path / "answers.toml").write_text(OF_RELEASE.format("a"))
        assert action.run(suite="answers.toml", deploy="shop@dev") == 0, action.said
        assert serves() == [first]

        second = genaiops("release create shop --model talker --param seed=2")["id"]
        job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())[".genaiops-suite"]
        given |= {**job["variables"], "GENAIOPS_SUITE": "answers.toml", "GENAIOPS_DEPLOY": "shop@dev"}
        script = "\n".join([*job["before_script"], *job["script"]])
        done = bash(script, tmp_path, given)
        assert done.returncode == 0, done.stderr
        assert serves() == [second]
