"""A cache of a route, from switching it on to what it saved."""

from typing import Any

from tests.app.running import Installation, until
from tests.cli.conftest import Shell


def outcome(installation: Installation, content: str = "keep me") -> str:
    answer = installation.ask("kept", content)
    assert answer.status == 200, answer.body
    return answer.headers["x-genaiops-cache"].partition(";")[0]


def test_the_life_of_a_cache(connected: Shell, installation: Installation) -> None:
    assert "No route keeps answers" in connected.ok("cache", "show").err
    connected.ok("price", "set", "echo", "talker", "--input", "1", "--output", "2")
    options = ("--cache", "exact", "--cache-ttl", "900", "--cache-namespace", "tests", "--cache-scope", "tenant")
    connected.ok("route", "set", "kept", "--target", "talker", *options)
    shown = connected.ok("route", "show", "kept")
    assert "exact, kept for 900 s, shared by tenant" in shown.out
    assert "exact" in connected.ok("route", "list").column("CACHE")
    assert [outcome(installation) for _ in range(3)] == ["miss", "hit", "hit"]

    def figures() -> Any:
        (row,) = connected.ok("cache", "show", "--json").json()["data"]
        return row if row["figures"]["hits"] == 2 else None

    row = until(figures, "the hits to be counted")
    assert (row["route"], row["calls"], row["figures"]["misses"], row["hit_rate"]) == ("kept", 3, 1, 2 / 3)
    assert row["figures"]["saved_tokens"] > 0
    assert float(row["figures"]["saved_cost"]) > 0
    assert "66.7%" in connected.ok("cache", "show").out
    usage = connected.ok("usage", "--by", "model", "--json").json()["data"]
    assert next(each["cache"]["hits"] for each in usage if each["group"]["request_model"] == "kept") == 2

    (trace,) = connected.ok("trace", "list", "--limit", "1", "--json").json()["data"]
    document = connected.ok("trace", "show", trace["trace_id"], "--json").json()
    assert document["cache"]["outcome"] == "hit"
    assert document["cache"]["namespace"] == "tests"
    assert document["cache"]["saved"]["input_tokens"] > 0
    assert document["usage"]["total_tokens"] == 0
    assert [span["kind"] for span in document["spans"]] == ["gateway", "cache"]
    assert document["cost"]["amount"] == "0"

    assert "kept" in connected.ok("cache", "clear", "kept").out
    assert [outcome(installation) for _ in range(2)] == ["miss", "hit"]
    connected.ok("cache", "clear", "--namespace", "tests")
    assert outcome(installation) == "miss"
    connected.ok("route", "set", "kept", "--target", "talker", *options)  # made anew: what was cleared stays so
    assert connected.run("cache", "clear").status == 2
    assert connected.run("cache", "clear", "nothing").status == 2
    assert connected.run("route", "set", "kept", "--target", "talker", "--cache-ttl", "0").status == 2
    connected.ok("route", "remove", "kept")
