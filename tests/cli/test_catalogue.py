"""`genaiops model catalogue`, `presets`, and targets made from a preset."""

import pytest

from tests.cli.conftest import Shell


def test_the_catalogue_is_listed_and_narrowed(connected: Shell) -> None:
    listed = connected.ok("model", "catalogue")
    assert {"gpt-4.1", "meta-llama/Llama-3.3-70B-Instruct"} <= set(listed.column("MODEL"))
    code = connected.ok("model", "catalogue", "--ability", "code", "--provider", "mistral", "--json").json()["data"]
    assert "codestral-2508" in [model["name"] for model in code]
    assert all("code" in model["abilities"] and model["provider"] == "mistral" for model in code)


def test_one_model_is_shown_and_what_is_unknown_says_so(connected: Shell) -> None:
    shown = connected.ok("model", "catalogue", "gpt-4").out
    assert "8,192" in shown
    assert "retired since 2026-10-23" in shown
    assert "unknown" in shown
    ran = connected.run("model", "catalogue", "gpt-44")
    assert ran.status == 2
    assert "Did you mean 'gpt-4'" in ran.err


def test_presets_are_listed(connected: Shell) -> None:
    assert "groq" in connected.ok("model", "presets").column("PRESET")


def test_a_preset_fills_what_is_not_given(connected: Shell) -> None:
    connected.ok("model", "add", "oss", "--preset", "groq", "--upstream-model", "openai/gpt-oss-120b")
    made = connected.ok("model", "show", "oss", "--json").json()
    assert (made["provider"], made["base_url"]) == ("openai", "https://api.groq.com/openai/v1")
    assert (made["model"], made["credentials"]) == ("oss", ["GROQ_API_KEY"])
    assert (made["operations"], made["context_window"]) == (["chat"], 131_072)
    assert made["settings"] == {"max_tokens_field": "max_completion_tokens"}
    connected.ok("model", "remove", "oss")


def test_what_is_given_counts(connected: Shell) -> None:
    words = ["--secret", "MINE", "--context", "1000", "--base-url", "http://10.0.0.1/v1", "--for", "embeddings"]
    connected.ok("model", "add", "own", "--preset", "fireworks", "--setting", "header.x-a=1", *words)
    made = connected.ok("model", "show", "own", "--json").json()
    assert (made["credentials"], made["context_window"], made["base_url"]) == (["MINE"], 1000, "http://10.0.0.1/v1")
    assert (made["operations"], made["settings"]) == (["embeddings"], {"header.x-a": "1"})
    assert made["stream_usage"] is False
    connected.ok("model", "remove", "own")


def test_a_region_goes_into_the_address(connected: Shell) -> None:
    model = ["--upstream-model", "amazon.titan-embed-text-v2:0"]
    connected.ok("model", "add", "titan", "--preset", "bedrock", "--region", "eu-central-1", *model)
    made = connected.ok("model", "show", "titan", "--json").json()
    assert made["base_url"] == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert (made["provider"], made["operations"], made["context_window"]) == ("bedrock", ["embeddings"], 8192)
    connected.ok("model", "remove", "titan")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "bedrock"], "needs a region"),
        (["--preset", "grok"], "Did you mean 'groq'"),
        ([], "Neither --provider nor --preset"),
    ],
)
def test_what_is_missing_is_told(connected: Shell, words: list[str], said: str) -> None:
    ran = connected.run("model", "add", "x", *words)
    assert ran.status == 2
    assert said in ran.err
