"""The commands that change something, against an installation that runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genaiops.domain import Target
from genaiops.sdk import Client
from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell


def test_the_life_of_a_key(connected: Shell, installation: Installation) -> None:
    made = connected.ok("key", "create", "life", "--model", "talker", "--expires", "30d")
    secret = made.out.strip()
    assert "shown this once" in made.err
    shown = connected.ok("key", "show", "life", "--json").json()
    assert (shown["models"], shown["scopes"], shown["state"]) == (["talker"], ["calls"], "active")
    assert secret not in connected.ok("key", "show", "life").out

    rotated = connected.ok("key", "rotate", "life", "--overlap", "1h", "--json").json()
    for text in (secret, rotated["secret"]):
        assert request(f"{installation.url}/v1/models", key=text).status == 200

    updated = connected.ok("key", "update", shown["id"], "--all-models", "--expires", "never", "--json").json()
    assert (updated["models"], updated["expires_at"], updated["name"]) == ([], None, "life")

    assert connected.ok("key", "revoke", "life").out == "The key life is revoked.\n"
    assert request(f"{installation.url}/v1/models", key=secret).status == 401
    assert connected.ok("key", "show", shown["id"], "--json").json()["state"] == "revoked"


def test_keys_are_listed(connected: Shell) -> None:
    connected.ok("key", "create", "listed")
    ran = connected.ok("key", "list")
    assert {"admin", "listed"} <= set(ran.column("NAME"))
    listed = connected.ok("key", "list", "--json", "--limit", "1").json()["data"]
    assert [key["name"] for key in listed] == ["admin"]
    assert "digest" not in listed[0]


def test_a_name_of_several_keys(connected: Shell) -> None:
    connected.ok("key", "create", "twin")
    connected.ok("key", "create", "twin")
    ran = connected.run("key", "show", "twin")
    assert ran.status == 2
    assert "2 keys have the name 'twin'" in ran.err
    assert "remedy: Name one by its id." in ran.err


NOWHERE = "http://127.0.0.1:9/v1"


def test_people(connected: Shell) -> None:
    connected.ok("team", "create", "people", "--title", "Two words")
    made = connected.ok("actor", "create", "robot", "--service", "--role", "developer", "--team", "people", "--json")
    assert (made.json()["kind"], made.json()["team_id"]) == ("service_account", "people")
    key = connected.ok("key", "create", "robots", "--actor", "robot", "--json").json()
    assert (key["actor_id"], key["team_id"]) == (made.json()["id"], "people")
    connected.ok("actor", "disable", "robot")
    assert "robot" in connected.ok("actor", "list").column("NAME")
    connected.ok("actor", "enable", "robot")
    assert "Two words" in connected.ok("team", "list").out
    ran = connected.run("team", "remove", "people")
    assert (ran.status, "keys" in ran.err) == (2, True)
    connected.ok("team", "create", "nobody")
    connected.ok("team", "remove", "nobody")


def test_environments(connected: Shell) -> None:
    connected.ok("env", "create", "trial", "--kind", "sandbox", "--capture", "preview")
    assert connected.ok("env", "capture", "trial", "off", "--json").json()["capture"] == "off"
    assert "trial" in connected.ok("env", "list").column("ID")
    connected.ok("env", "remove", "trial")


def test_models_and_routes(connected: Shell, installation: Installation) -> None:
    connected.ok("model", "add", "second", "--provider", "echo", "--upstream-model", "up", "--setting", "text=Two.")
    shown = connected.ok("model", "show", "second", "--json").json()
    assert (shown["model"], shown["upstream_model"], shown["settings"]) == ("second", "up", {"text": "Two."})
    assert "text=Two." in connected.ok("model", "show", "second").out
    assert "second" in connected.ok("model", "list").column("TARGET")

    connected.ok("route", "set", "chat", "--target", "talker")
    ran = connected.ok("route", "set", "chat", "--target", "second=3", "--fallback", "talker", "--attempts", "2")
    assert ran.out == "chat goes to second=3.\n"
    route = connected.ok("route", "show", "chat", "--json").json()
    assert (route["fallbacks"], route["retry"]["attempts"]) == (["talker"], 2)
    assert installation.ask("chat").body["choices"][0]["message"]["content"] == "Two."
    assert connected.ok("route", "list").column("TARGETS") == ["second=3"]

    ran = connected.run("model", "remove", "second")
    assert (ran.status, "routes chat" in ran.err) == (2, True)
    connected.ok("route", "remove", "chat")
    connected.ok("model", "remove", "second")


def test_an_embedded_model_is_removed_on_purpose(connected: Shell, installation: Installation) -> None:
    with installation.hub() as hub:
        url = "http://127.0.0.1:65001/v1"
        own = Target(
            id="smollm2",
            provider="llamacpp",
            model="smollm2",
            upstream_model="smollm2",
            base_url=url,
            settings={"embedded_url": url},
            created_us=0,
        )
        hub.targets.create(own, by="admin")
    asked = connected.run("model", "remove", "smollm2")
    assert asked.status == 2
    assert "genaiops model add smollm2 --embedded" in asked.err
    assert "--yes" in asked.err
    connected.ok("model", "show", "smollm2")
    assert "To undo: genaiops model add smollm2 --embedded" in connected.ok("model", "remove", "smollm2", "--yes").out
    off = connected.run("model", "add", "smollm2", "--embedded")
    assert off.status == 2
    assert "does not run" in off.err


def _estimate(connected: Shell, tmp_path: Path) -> None:
    ran = connected.ok("price", "estimate", "--model", "priced", "--input-tokens", "1000", "--output-tokens", "500")
    assert ran.column("TARGET") == ["priced"]
    assert ran.column("EXPECTED") == ["0.0013"]
    assert ran.err == "Expected tokens: 1,000 in, 500 out (given).\nNo limit applies.\n"
    body = tmp_path / "body.json"
    body.write_text('{"model": "priced", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100}')
    connected.ok("key", "create", "thrifty")
    connected.ok("budget", "set", "--for-key", "thrifty", "0.0001 USD")
    ran = connected.run("price", "estimate", "--file", str(body), "--for-key", "thrifty")
    assert ran.status == 1
    assert ran.out.rstrip().endswith(" 0.0001 USD        0         0"), ran.out
    assert "would be refused now" in ran.err
    found = connected.ok("price", "estimate", "--file", str(body), "--json").json()
    assert found["usual"]["targets"][0]["most_tokens"] == body.stat().st_size + 256 + 100
    body.write_bytes(b"\xff")
    ran = connected.run("price", "estimate", "--file", str(body))
    assert (ran.status, "no text in UTF-8" in ran.err) == (2, True)


def test_prices(connected: Shell, tmp_path: Path) -> None:
    connected.ok("model", "add", "priced", "--provider", "openai", "--base-url", NOWHERE, "--upstream-model", "gold")
    ran = connected.run("price", "check")
    assert (ran.status, ran.column("TARGET")) == (1, ["priced"])
    assert "cost an unknown amount" in ran.err
    assert "genaiops price set openai gold" in ran.err
    connected.ok("price", "set", "openai", "gold", "--input", "0.40", "--output", "1.60", "--cache-read", "0.10")
    connected.ok("price", "set", "openai", "gold", "--input", "0.50", "--output", "1.60")
    inputs = [line["input"] for line in connected.ok("price", "list", "--model", "gold", "--json").json()["data"]]
    assert inputs == ["0.5"]
    history = connected.ok("price", "list", "--model", "gold", "--history", "--json").json()["data"]
    assert [(line["version"], line["input"]) for line in history] == [(1, "0.4"), (2, "0.5")]
    assert connected.ok("price", "check").err == "Every target has a known price.\n"
    _estimate(connected, tmp_path)
    assert connected.ok("price", "import").err == "Nothing differs.\n"
    connected.ok("model", "remove", "priced")


def test_a_price_with_everything(connected: Shell) -> None:
    words = ("--tier", "200000:input=2.50,output=15", "--service", "batch=0.5", "--fee", "search=0.002")
    amounts = ("--input", "1.25", "--output", "10", "--cache-write-1h", "3", "--audio-input", "4")
    made = connected.ok("price", "set", "echo", "full", *amounts, *words, "--json").json()
    assert (made["tiers"][0]["above_tokens"], made["tiers"][0]["output"]) == (200000, "15")
    assert (made["services"], made["fees"]["search"], made["audio_input"]) == ({"batch": "0.5"}, "0.002", "4")
    ran = connected.run("price", "set", "echo", "full", *amounts, "--tier", "many:input=1")
    assert (ran.status, "is no tier" in ran.err) == (2, True)


def test_old_calls_by_the_price_of_their_day(connected: Shell, installation: Installation) -> None:
    # The installation as its own provider: echo has a price, and what is wanted is a call without one.
    connected.ok("secret", "set", "REPRICED_KEY", typed=installation.key)
    words = ("--provider", "openai", "--base-url", f"{installation.url}/v1", "--secret", "REPRICED_KEY")
    connected.ok("model", "add", "repriced", *words, "--upstream-model", "talker")
    until(lambda: installation.ask("repriced").status == 200, "the model")
    until(lambda: connected.ok("trace", "list", "--model", "repriced", "--json").json()["data"], "the trace")

    def line(*words: str) -> tuple[int, dict[str, Any], int]:
        ran = connected.run("price", "check", "--since", "1h", *words, "--json")
        (found,) = [row for row in ran.json()["models"] if row["provider"] == "openai"]
        return ran.status, found, ran.json()["corrected"]

    _, found, _ = line()
    assert (found["changed"], found["unknown"] > 0) == (0, True)
    connected.ok("price", "set", "openai", "talker", "--input", "1", "--output", "2", "--valid-from", "2026-01-01")
    status, found, _ = line()
    assert (status, found["newly_known"] == found["changed"] > 0, found["unknown"]) == (1, True, 0)
    row = connected.ok("trace", "list", "--model", "repriced", "--json").json()["data"][0]
    assert not row["cost"]["known"]

    _, found, corrected = line("--apply")
    assert corrected >= found["changed"] > 0
    _, found, _ = line()
    assert found["changed"] == 0
    shown = connected.ok("trace", "show", row["trace_id"]).out
    assert "(recorded: unknown)" in shown
    table = connected.run("price", "check", "--since", "1h")
    assert "openai/talker" in table.column("MODEL")
    ran = connected.run("price", "check", "--apply")
    assert (ran.status, "Give --since too" in ran.err) == (2, True)
    connected.ok("model", "remove", "repriced")


def test_a_price_table_from_a_file(connected: Shell, tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    lines = ['checked = 2026-01-02\ncurrency = "USD"\n[sources]\nechoes = "a letter"', '[[price]]\nprovider = "echoes"']
    table.write_text("\n".join([*lines, 'model = "silver"\ninput = "1"\noutput = "2"\n']))
    assert connected.ok("price", "import", str(table)).column("MODEL") == ["silver"]
    table.write_text("checked = 1")
    ran = connected.run("price", "import", str(table))
    assert (ran.status, "price table cannot be read" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("budget", "set", "25 USD"), "Say what it is set on"),
        (("budget", "set", "25 USD", "--team", "default", "--env", "dev"), "Say what it is set on"),
        (("budget", "set", "lots", "--team", "default"), "'lots' is not a limit"),
        (("budget", "set", "--team", "default", "--", "-5 USD"), "less than nothing"),
        (("budget", "set", "-5 USD", "--team", "default"), "below 0"),
        (("trace", "list", "--text", '"'), "nothing to search for"),
        (("key", "create", "x", "--scope", "bogus"), "'calls', 'api'"),
        (("model", "catalogue", "--ability", "foo"), "There are: audio"),
        (("price", "set", "openia", "gpt", "--input", "1", "--output", "1"), "Did you mean 'openai'?"),
        (("trace", "list", "--text", ""), "nothing to search for"),
        (("budget", "set", "25 USD", "--team", "defalt"), "Did you mean 'default'?"),
        (("budget", "set", "25 USD", "--team", "default", "--tz", "Europe/Bern"), "no time zone"),
        (("limit", "set", "--team", "default"), "limits nothing"),
        (("route", "set", "x", "--target", "talker=0"), "no target with a weight"),
        (("route", "set", "x", "--target", "talkr"), "Did you mean 'talker'?"),
        (("model", "add", "x", "--provider", "openai"), "no base_url"),
        (("model", "add", "x", "--provider", "echo", "--setting", "text"), "has no name and value"),
        (("key", "create", "x", "--expires", "soon"), "'soon' is no time"),
        (("key", "create", "Not A Name"), "cannot be the name of a key"),
        (("key", "create", "x", "--model", "talkr"), "Did you mean 'talker'?"),
        (("key", "update", "admin"), "Nothing to change"),
        (("key", "show", "nowhere"), "There is no key 'nowhere'"),
        (("actor", "disable", "nobody-here"), "There is no actor"),
        (("actor", "disable", "admin"), "last administrator"),
        (("trace", "show", "xyz"), "hexadecimal"),
        (("trace", "list", "--since", "then"), "not a time"),
        (("price", "set", "echo", "x", "--input", "cheap", "--output", "1"), "not a decimal number"),
    ],
)
def test_bad_input(connected: Shell, words: tuple[str, ...], said: str) -> None:
    ran = connected.run(*words)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_missing_secret_is_named(connected: Shell) -> None:
    words = ("--provider", "openai", "--base-url", NOWHERE, "--secret", "NOSUCH_KEY")
    said = connected.ok("model", "add", "secretless", *words).out
    assert "genaiops secret set NOSUCH_KEY" in said
    assert "can be called" not in said
    connected.ok("model", "remove", "secretless")


def test_wrong_usage_as_json(connected: Shell) -> None:
    for words in (("key", "create"), ("key", "create", "x", "--scope", "bogus"), ("kye",)):
        ran = connected.run(*words, "--json")
        assert (ran.status, ran.out) == (2, "")
        error = json.loads(ran.err)["error"]
        assert error["message"]
        assert "--help" in error["remedy"]
    missing = json.loads(connected.run("team", "remove", "defalt", "--json").err)["error"]
    assert (missing["remedy"], missing["message"]) == ("Did you mean 'default'?", "There is no team 'defalt'.")


def test_secrets(connected: Shell) -> None:
    ran = connected.ok("secret", "set", "SOME_KEY", typed="sk-hidden\n")
    assert "hidden" not in ran.out + ran.err
    assert "SOME_KEY" in connected.ok("secret", "list").column("NAME")
    connected.ok("secret", "rotate-key")
    assert "hidden" not in connected.ok("secret", "list", "--json").out
    connected.ok("secret", "remove", "SOME_KEY")
    ran = connected.run("secret", "set", "SOME_KEY", typed="")
    assert (ran.status, "No value for SOME_KEY" in ran.err) == (2, True)


def test_a_secret_is_never_an_argument(shell: Shell) -> None:
    assert shell.run("secret", "set", "SOME_KEY", "sk-hidden").status == 2


def test_issuers(connected: Shell, tmp_path: Path) -> None:
    connected.ok("secret", "set", "PORTAL", typed="s" * 40)
    connected.ok("issuer", "create", "portal", "--algorithm", "HS256", "--secret", "PORTAL", "--audience", "us")
    assert connected.ok("issuer", "list").column("AUDIENCE") == ["us"]
    connected.ok("issuer", "remove", "portal")
    pem = tmp_path / "key.pem"
    pem.write_text("nothing")
    ran = connected.run("issuer", "create", "portal", "--algorithm", "ES256", "--public-key", str(pem))
    assert (ran.status, "PEM" in ran.err) == (2, True)


def test_status(connected: Shell, installation: Installation) -> None:
    ran = connected.ok("status")
    assert installation.url in ran.out
    assert "worker-0" in ran.out
    assert {"worker-0", "control"} <= {each["name"] for each in connected.ok("status", "--json").json()["processes"]}


def test_what_a_viewer_may_not(connected: Shell, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    connected.ok("actor", "create", "looker", "--role", "viewer")
    secret = connected.ok("key", "create", "looks", "--actor", "looker", "--scope", "api").out.strip()
    monkeypatch.setenv("GENAIOPS_HOME", "/nowhere")
    monkeypatch.setenv("GENAIOPS_URL", installation.url)
    monkeypatch.setenv("GENAIOPS_API_KEY", secret)
    assert connected.ok("team", "list").column("ID")
    ran = connected.run("team", "create", "mine")
    assert (ran.status, "lacks the permission" in ran.err) == (2, True)
    assert connected.run("team", "list", "--key", "gok_wrong").status == 2


def test_errors_as_json(connected: Shell) -> None:
    ran = connected.run("key", "show", "key_nowhere", "--json")
    assert (ran.status, ran.out) == (2, "")
    assert '"code": "not_found"' in ran.err


def test_nothing_answers(shell: Shell) -> None:
    ran = shell.run("key", "list", "--url", "http://127.0.0.1:1", "--key", "k")
    assert ran.status == 3
    assert ran.err.startswith("error: Nothing answers at http://127.0.0.1:1.\nremedy: ")


def test_a_pull_of_unknown_weights(shell: Shell, tmp_path: Path) -> None:
    ran = shell.run("model", "pull", "smollm", "--home", str(tmp_path))
    assert ran.status == 2
    assert "smollm2" in ran.err


def test_the_commands_do_not_load_the_control_plane() -> None:
    code = "import genaiops.cli.main, genaiops.cli.model, sys; sys.exit('litestar' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.needs_weights("minilm")
def test_a_pull_of_weights_that_are_there(shell: Shell, models_dir: Path) -> None:
    ran = shell.ok("model", "pull", "minilm", "--home", str(models_dir.parent), "--json")
    assert (ran.json()["name"], ran.json()["pulled"]) == ("minilm", False)
    assert "check" in ran.err


def test_the_client_lists_what_the_command_lists(connected: Shell, installation: Installation) -> None:
    with Client(home=installation.home.path) as client:
        names = [key["name"] for key in client.pages("/api/keys")]
    assert names == [key["name"] for key in connected.ok("key", "list", "--json").json()["data"]]
