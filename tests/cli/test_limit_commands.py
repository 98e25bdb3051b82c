"""`genaiops budget` and `genaiops limit`."""

from tests.cli.conftest import Shell

NOWHERE = "http://127.0.0.1:9/v1"


def test_budgets(connected: Shell) -> None:
    connected.ok("team", "create", "spenders")
    words = ("--team", "spenders", "--period", "month", "--tz", "Europe/Berlin", "--soft", "--json")
    made = connected.ok("budget", "set", "25 USD", *words).json()
    assert (made["limit"], made["unit"], made["hard"], made["timezone"]) == ("25", "USD", False, "Europe/Berlin")
    again = connected.ok("budget", "set", "40 USD", *words).json()
    assert (again["id"], again["limit"]) == (made["id"], "40")
    other = connected.ok("budget", "set", "1M tokens", *words).json()
    assert other["id"] != made["id"]
    shown = connected.ok("budget", "show", made["id"]).out
    assert "40 USD" in shown
    assert "soft: warns" in shown
    assert "1,000,000 tokens" in connected.ok("budget", "list").column("LIMIT")
    energy = connected.ok("budget", "set", "5 kWh", *words).json()
    assert (energy["limit"], energy["unit"], energy["settled"], energy["unknown"]) == ("5000", "Wh", "0", 0)
    same = connected.ok("budget", "set", "0.75kWh", *words)
    assert (same.json()["id"], same.json()["limit"]) == (energy["id"], "750")
    assert "the output tokens count" in same.err
    assert "750 Wh" in connected.ok("budget", "list").column("LIMIT")
    connected.ok("budget", "remove", energy["id"])
    connected.ok("budget", "reset", made["id"])
    for budget in (made, other):
        connected.ok("budget", "remove", budget["id"])
    assert connected.run("budget", "show", made["id"]).status == 2


def test_a_hard_budget_and_a_model_without_a_price(connected: Shell) -> None:
    connected.ok("team", "create", "hinted")
    words = ("budget", "set", "25 USD", "--team", "hinted", "--period", "day")
    quiet = connected.ok(*words)
    assert quiet.err == "", "echo costs nothing, and that is known"
    connected.ok("model", "add", "unpriced", "--provider", "openai", "--base-url", NOWHERE, "--upstream-model", "lead")
    said = connected.ok(*words).err
    assert "unpriced" in said
    assert "genaiops price set openai lead" in said
    assert connected.ok(*words, "--soft").err == ""
    for budget in connected.ok("budget", "list", "--json").json()["data"]:
        connected.ok("budget", "remove", budget["id"])
    connected.ok("model", "remove", "unpriced")
    connected.ok("team", "remove", "hinted")


def test_limits_of_keys_name_them(connected: Shell) -> None:
    key = connected.ok("key", "create", "named-in-tables", "--json").json()["id"]
    words = ("--for-key", "named-in-tables")
    budget = connected.ok("budget", "set", "9 calls", *words, "--json").json()
    limit = connected.ok("limit", "set", "--concurrency", "900", *words, "--json").json()
    assert budget["scope"] == limit["scope"] == {"kind": "key", "id": key}
    for noun, made in (("budget", budget), ("limit", limit)):
        assert "key named-in-tables" in connected.ok(noun, "list").column("OF")
        assert connected.ok(noun, "list", "--json").json()["data"][-1]["scope_name"] == "named-in-tables"
        connected.ok(noun, "remove", made["id"])


def test_limits(connected: Shell) -> None:
    key = connected.ok("key", "create", "limited", "--json").json()
    made = connected.ok("limit", "set", "--for-key", "limited", "--requests", "600", "--json").json()
    assert made["scope"] == {"kind": "key", "id": key["id"]}
    again = connected.ok("limit", "set", "--for-key", "limited", "--tokens", "20000", "--json").json()
    assert (again["id"], again["requests_per_minute"], again["tokens_per_minute"]) == (made["id"], None, 20000)
    assert "20,000" in connected.ok("limit", "list").column("TOKENS/MIN")
    connected.ok("limit", "remove", made["id"])
    assert connected.ok("limit", "list").err.startswith("There is no rate limit.")
