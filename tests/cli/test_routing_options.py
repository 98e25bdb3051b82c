"""How a route chooses, set and shown by the command line."""

import re

from tests.app.running import Installation
from tests.cli.conftest import Shell


def test_how_a_route_chooses(connected: Shell, installation: Installation) -> None:
    words = "--region eu --tag fast --concurrency 4 --queue 2.5 --queue-length 9 --probe /health --probe-every 7"
    connected.ok("model", "add", "third", "--provider", "echo", "--setting", "text=Three.", *words.split())
    shown = connected.ok("model", "show", "third")
    for line in ("region  *eu", "tags  *fast", "waiting  *9 calls, for 2.5 s", "/health every 7 s, while it rests"):
        assert re.search(line, shown.out), line
    ran = connected.run("model", "add", "fourth", "--provider", "echo", "--probe-always")
    assert (ran.status, "--probe PATH" in ran.err) == (2, True)

    words = "--strategy latency --sticky label --region eu --context-fallback talker --over-budget talker"
    words += " --hedge-after 0.5 --hedge-share 0.1"
    shadow = ("--shadow", "talker=0.25")
    connected.ok("route", "set", "picky", "--target", "third", *words.split(), *shadow)
    route = connected.ok("route", "show", "picky", "--json").json()
    assert (route["strategy"], route["sticky"], route["regions"]) == ("latency", "label", ["eu"])
    assert route["context_fallbacks"] == route["over_budget"] == ["talker"]
    assert route["hedge"] == {"after": 0.5, "percentile": None, "share": 0.1}
    assert route["shadow"] == {
        "target_id": "talker",
        "application": "shadow/picky",
        "share": 0.25,
        "concurrency": 4,
    }
    shown = connected.ok("route", "show", "picky")
    assert "after 0.5 s, at most 10.0% of the calls" in shown.out
    assert "25.0% also to talker, charged to shadow/picky" in shown.out
    assert installation.ask("picky").body["choices"][0]["message"]["content"] == "Three."
    ran = connected.run("route", "set", "picky", "--target", "third", "--shadow", "talker=much")
    assert (ran.status, "no target with a share" in ran.err) == (2, True)
    connected.ok("model", "add", "costly", "--provider", "openai", "--base-url", "http://127.0.0.1:1/v1")
    ran = connected.ok("route", "set", "picky", "--target", "third", "--over-budget", "costly")
    assert "No price is known for costly: a hard budget in money refuses" in ran.err
    assert "genaiops price set openai costly" in ran.err
    connected.ok("route", "remove", "picky")
    connected.ok("model", "remove", "costly")
    connected.ok("model", "remove", "third")

    made = connected.ok("key", "create", "european", "--region", "eu", "--tag", "fast", "--json").json()
    assert (made["regions"], made["tags"]) == (["eu"], ["fast"])
    assert connected.ok("key", "update", "european", "--region", "us", "--json").json()["regions"] == ["us"]
