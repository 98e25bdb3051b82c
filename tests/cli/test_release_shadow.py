"""A release in shadow, by the commands, on an installation that runs."""

from typing import Any

from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell

CALLS = 12


def test_a_release_hears_copies_and_is_compared(connected: Shell, installation: Installation) -> None:
    connected.ok("model", "add", "terse", "--provider", "echo", "--setting", "text=No.")
    connected.ok("app", "create", "heard")
    first = connected.ok("release", "create", "heard", "--model", "talker").out.strip()
    connected.ok("app", "deploy", "heard", "--release", first, "--env", "dev")
    refused = connected.run("app", "shadow", "heard", "--env", "dev", "--release", first)
    assert (refused.status, "genaiops release list heard" in refused.err) == (2, True)
    assert (
        "genaiops app shadow heard --env dev --release latest"
        in connected.run("app", "shadow", "heard", "--env", "dev").err
    )
    assert connected.run("app", "shadow", "heard", "--env", "dev", "--share", "5").status == 2
    second = connected.ok("release", "create", "heard", "--model", "terse").out.strip()
    begun = connected.ok("app", "shadow", "heard", "--env", "dev", "--release", "latest", "--share", "100")
    assert 'genaiops budget set --app shadow/heard "5 USD" --period day' in begun.err
    connected.ok("budget", "set", "--app", "shadow/heard", "1000000 tokens", "--period", "day")
    again = connected.ok(
        "app", "shadow", "heard", "--env", "dev", "--release", second, "--share", "100", "--json"
    ).json()
    assert (again["release_id"], again["limited"], again["share"]) == (second, True, 1.0)
    for number in range(CALLS):
        body = {"model": "app/heard", "messages": [{"role": "user", "content": "Hi"}], "user": f"user {number % 6}"}
        answer = request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)
        assert answer.headers["x-genaiops-release"] == first
        assert answer.body["choices"][0]["message"]["content"] != "No."

    def paired() -> dict[str, Any] | None:
        found = connected.ok("app", "shadow", "heard", "--env", "dev", "--json").json()
        return found if found["users"] > 1 else None

    found = until(paired, "copies of two users")
    assert (found["route"], found["target"]) == ("app/heard@dev", second)
    assert found["shown"][0]["copy"]["output"] == "No."
    told = connected.ok("app", "shadow", "heard", "--env", "dev", "--check", "word_count", "--lost", "errors")
    for text in (f"copies to {second}", "word_count", "latency"):
        assert text in told.out
    assert connected.ok("app", "deployments", "heard", "--json").json()["data"][0]["shadow"] == second
    assert "any more" in connected.ok("app", "shadow", "heard", "--env", "dev", "--end").out
    assert len(connected.ok("app", "history", "heard@dev", "--json").json()["data"]) == 1
