"""Copies that the gateway makes, compared by the command line with what users got."""

from typing import Any

from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell

CALLS = 12


def test_copies_beside_live_answers(connected: Shell, installation: Installation) -> None:
    connected.ok("model", "add", "terse", "--provider", "echo", "--setting", "text=No.")
    connected.ok("route", "set", "doubled", "--target", "talker", "--shadow", "terse=1")
    assert "hard budget" in connected.ok("route", "shadow", "doubled").out
    connected.ok("budget", "set", "--app", "shadow/doubled", "1000000 tokens", "--period", "day")
    for number in range(CALLS):
        body = {"model": "doubled", "messages": [{"role": "user", "content": "Hi"}], "user": f"user {number % 6}"}
        request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)

    def paired() -> dict[str, Any] | None:
        found = connected.ok("route", "shadow", "doubled", "--json").json()
        return found if found["copies"] else None

    found = until(paired, "copies to be traced")
    assert found["target"] == "terse"
    assert found["shown"][0]["copy"]["output"] == "No."
    assert found["shown"][0]["copy"]["target"] == "terse"
    until(lambda: connected.ok("route", "shadow", "doubled", "--json").json()["users"] > 1, "copies of two users")
    told = connected.ok("route", "shadow", "doubled", "--check", "word_count", "--check", "chrf", "--lost", "errors")
    for text in ("copies to terse", "letter by letter", "latency", "word_count", "by chrf"):
        assert text in told.out
    assert "No pair was lost by errors." in told.err
    refused = connected.run("route", "shadow", "doubled", "--check", "judge")
    assert (refused.status, "takes a run of a suite" in refused.err) == (2, True)
    connected.ok("route", "remove", "doubled")
    connected.ok("model", "remove", "terse")
