"""From an application to a deployed release and back, by the commands, against an installation that runs."""

import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Answer, Installation, request, until
from tests.cli.conftest import Shell

MESSAGES = [{"role": "user", "content": "Hi"}]


def call(installation: Installation, key: str, model: str) -> Answer:
    body = {"model": model, "messages": MESSAGES, "user": "ann"}
    return request(f"{installation.url}/v1/chat/completions", key=key, body=body)


def served(answer: Answer) -> str:
    """The release that it says."""
    assert answer.status == 200, answer.body
    return answer.headers["x-genaiops-release"]


def made(shell: Shell, application: str, *words: str) -> str:
    return shell.ok("release", "create", application, "--model", "talker", *words).out.strip()


def test_from_a_model_to_a_release_in_prod_and_back(connected: Shell, installation: Installation) -> None:
    connected.ok("app", "create", "support", "--title", "Support", "--risk", "limited")
    first = made(connected, "support", "--param", "temperature=0.2")
    assert made(connected, "support", "--param", "temperature=0.2") == first
    second = made(connected, "support", "--param", "temperature=0.7", "--note", "warmer")

    refused = connected.run("app", "deploy", "support", "--release", first, "--env", "prod")
    assert refused.status == 2
    assert "genaiops app acknowledge support" in refused.err
    none = connected.run("key", "create", "live", "--env", "prod")
    assert "--app NAME" in none.err
    key = connected.ok("key", "create", "live", "--env", "prod", "--app", "support").out.strip()
    assert call(installation, key, "app/support").body["error"]["code"] == "not_acknowledged"

    connected.ok("app", "acknowledge", "support", "--statement", "It uses generative AI, and says so.")
    connected.ok("app", "deploy", "support", "--release", first[:26], "--env", "prod")
    answer = call(installation, key, "app/support@prod")
    assert served(answer) == first
    assert answer.headers["x-genaiops-disclosure"] == "generative-ai"
    connected.ok("app", "deploy", "support", "--release", "latest", "--env", "prod")
    assert served(call(installation, key, "app/support")) == second  # in force when the command ends
    connected.ok("app", "rollback", "support", "--env", "prod")
    assert served(call(installation, key, "app/support")) == first
    assert call(installation, installation.key, "app/support@prod").body["error"]["code"] == "environment_not_allowed"

    history = connected.ok("app", "history", "support@prod", "--json").json()["data"]
    assert [each["shares"][0]["release_id"] for each in history] == [first, second, first]
    assert {each["by"] for each in history} == {"admin"}
    differing = connected.run("release", "diff", first, second)
    assert (differing.status, differing.out) == (1, "parameters.temperature: 0.2 -> 0.7\n")
    assert "is what its name says" in connected.ok("release", "verify", first).out


def test_who_uses_it_is_seen(connected: Shell, installation: Installation) -> None:
    connected.ok("app", "create", "seen")
    release = made(connected, "seen")
    connected.ok("app", "deploy", "seen", "--release", "latest", "--env", "dev")
    answer = call(installation, installation.key, "app/seen")

    def row() -> dict[str, Any] | None:
        (found,) = connected.ok("app", "deployments", "seen", "--json").json()["data"]
        return found if found["calls"] else None

    found = until(row, "the call to be counted")
    assert (found["environment_id"], found["calls"], found["users"], found["replicas"]) == ("dev", 1, 1, 1)
    trace_id = answer.headers["traceparent"].split("-")[1]
    trace = connected.ok("trace", "show", trace_id, "--json").json()
    assert trace["application"] == "seen"
    told = str(trace)
    assert release.partition("@")[2] in told
    assert "seen@dev" in told
    digest = release.partition("@")[2]
    listed = connected.ok("trace", "list", "--property", f"release={digest}", "--json").json()["data"]
    assert [each["trace_id"] for each in listed] == [trace_id]


def test_the_commit_of_the_folder(connected: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    monkeypatch.chdir(folder)
    connected.ok("app", "create", "built")
    outside = connected.run("release", "create", "built", "--model", "talker", "--commit", "auto")
    assert outside.status == 2
    assert "no Git repository" in outside.err

    def git(*words: str) -> str:
        names = ("-c", "user.name=t", "-c", "user.email=t@t.example")
        return subprocess.run(["git", *names, *words], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("remote", "add", "origin", "https://me:secret@git.example/app.git")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    release = made(connected, "built", "--commit", "auto")
    shown = connected.ok("release", "show", release, "--json").json()["manifest"]["commit"]
    assert shown == {"sha": git("rev-parse", "HEAD"), "repository": "https://git.example/app.git", "dirty": False}
    (folder / "new").touch()
    assert made(connected, "built", "--commit", "auto") != release


def test_what_cannot_be(connected: Shell) -> None:
    connected.ok("app", "create", "wrong")
    for words, told in (
        (("release", "create", "wrong", "--model", "talkr"), "'talker'"),
        (("release", "create", "wrong", "--model", "talker", "--param", "temperature=9"), "0 to 2"),
        (("release", "show", "wrong"), "wrong@latest"),
        (("app", "deploy", "wrong", "--release", "latest", "--env", "dev"), "genaiops release create wrong"),
        (("app", "history", "wrong"), "wrong@prod"),
        (("app", "rollback", "wrong", "--env", "dev"), "genaiops app deploy wrong"),
        (("app", "create", "a/b"), "has a /"),
    ):
        ran = connected.run(*words)
        assert ran.status == 2, words
        assert told in ran.err
    connected.ok("app", "remove", "wrong")


def swap(shell: Shell, installation: Installation, application: str, *, swaps: int, callers: int) -> Counter[Any]:
    """Releases are swapped while calls come without a pause: how often which (status, release) was answered."""
    shell.ok("app", "create", application)
    both = [made(shell, application, "--param", f"seed={number}") for number in (1, 2)]
    shell.ok("app", "deploy", application, "--release", both[0], "--env", "dev")
    seen: Counter[Any] = Counter()
    over = threading.Event()
    lock = threading.Lock()

    def work() -> None:
        while not over.is_set():
            answer = call(installation, installation.key, f"app/{application}")
            with lock:
                seen[answer.status, answer.headers.get("x-genaiops-release")] += 1

    threads = [threading.Thread(target=work) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, swaps + 1):
            shell.ok("app", "deploy", application, "--release", both[number % 2], "--env", "dev")
            assert served(call(installation, installation.key, f"app/{application}")) == both[number % 2]
            _more_calls(seen)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(seen) == {(200, both[0]), (200, both[1])}
    return seen


def _more_calls(seen: Counter[Any]) -> None:
    before = seen.total()
    until(lambda: seen.total() > before + 4, "more calls")


def test_releases_are_swapped_under_load(connected: Shell, installation: Installation) -> None:
    swap(connected, installation, "swapped", swaps=4, callers=2)


@pytest.mark.slow
def test_releases_are_swapped_under_load_over_two_workers(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Installation(tmp_path / "home", "--only", "gateway", "--workers", "2") as running:
        running.start()
        running.add_echo("talker")
        monkeypatch.setenv("GENAIOPS_HOME", str(running.home.path))
        seen = swap(shell, running, "swapped", swaps=60, callers=8)
    assert seen.total() > 500
