"""LiteLLM's config.yaml: what is taken over, what is said of the rest. The shapes are those of its documentation."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.hub import Hub, Translated, Wish, apply_state, read_state, translate_litellm
from genaiops.hub._litellm_section import tables
from genaiops.ports.records import Records
from tests.hub.conftest import Clock

PROVIDERS = (
    "openai", "echo", "anthropic", "google", "vertex", "azure", "cohere", "mistral", "bedrock", "sagemaker",
)  # fmt: skip

BALANCED = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://europe.openai.azure.com/
      api_key: os.environ/AZURE_API_KEY_EU
      api_version: "2024-10-21"
      rpm: 60
      timeout: 20
      stream_timeout: 5
      max_parallel_requests: 10
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-ca
      api_base: os.environ/AZURE_CANADA
      api_key: os.environ/AZURE_API_KEY_CA
      rpm: 20
  - model_name: claude
    litellm_params:
      model: anthropic/claude-sonnet-4-5
      api_key: os.environ/ANTHROPIC_API_KEY
    model_info:
      max_input_tokens: 200000
      input_cost_per_token: 3e-06
      output_cost_per_token: 0.000015
      cache_read_input_token_cost: 0.0000003
  - model_name: gemini-flash
    litellm_params: {model: gemini/gemini-2.5-flash}
litellm_settings:
  num_retries: 1
  request_timeout: 60
  fallbacks: [{"gpt-4o": ["claude", "gemini-flash"]}]
  default_fallbacks: ["claude"]
router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: {"gpt-4": "gpt-4o"}
  allowed_fails: 2
  cooldown_time: 30
"""

OPEN_MODELS = """
model_list:
  - model_name: zephyr-beta
    litellm_params: {model: huggingface/HuggingFaceH4/zephyr-7b-beta, api_base: "http://10.0.0.1:8001", weight: 2}
  - model_name: zephyr-beta
    litellm_params: {model: huggingface/HuggingFaceH4/zephyr-7b-beta, api_base: "http://10.0.0.2:8001", weight: 1}
  - model_name: llama
    litellm_params: {model: groq/llama-3.3-70b-versatile, api_key: os.environ/GROQ_API_KEY}
  - model_name: llama
    litellm_params: {model: together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo}
  - model_name: local
    litellm_params: {model: ollama/mistral, api_base: "http://localhost:11434"}
  - model_name: Embedding.Model
    litellm_params: {model: xinference/bge-base-en, api_base: "http://10.0.0.9:9997/v1"}
  - model_name: embed
    litellm_params: {model: text-embedding-3-small}
    model_info: {mode: embedding}
"""

AMAZON_AND_GOOGLE = """
model_list:
  - model_name: titan
    litellm_params: {model: bedrock/amazon.titan-embed-text-v1, aws_region_name: us-west-2}
    model_info: {mode: embedding}
  - model_name: sonnet
    litellm_params:
      model: bedrock/converse/eu.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_access_key_id: os.environ/CUSTOM_ID
      aws_secret_access_key: os.environ/CUSTOM_SECRET
  - model_name: endpoint
    litellm_params: {model: sagemaker_chat/my-endpoint, aws_region_name: eu-central-1}
  - model_name: vertex
    litellm_params: {model: vertex_ai/gemini-2.5-pro, vertex_project: acme, vertex_location: europe-west4}
"""


def translated(text: str, **environ: str) -> Translated:
    return translate_litellm(yaml.safe_load(text), providers=PROVIDERS, environ=environ)


def told(found: Translated, effect: str = "lost") -> list[str]:
    return [finding.path for finding in found.findings if finding.effect == effect]


@pytest.mark.parametrize("text", [BALANCED, OPEN_MODELS, AMAZON_AND_GOOGLE])
def test_what_comes_out_can_be_applied(records: Records, text: str) -> None:
    hub = Hub(records, clock=Clock(), providers=PROVIDERS)
    state = translated(text, AZURE_CANADA="https://canada.openai.azure.com").state
    assert apply_state(hub, Wish(state=read_state(state)), by="admin").plan.changes
    assert not apply_state(hub, Wish(state=read_state(state)), by="admin").plan.changes


def test_a_balanced_model_with_fallbacks() -> None:
    found = translated(BALANCED, AZURE_CANADA="https://canada.openai.azure.com")
    targets = found.state["targets"]
    assert targets["gpt-4o-1"] == {
        "provider": "azure",
        "model": "gpt-4o",
        "upstream_model": "gpt-4o-eu",
        "base_url": "https://europe.openai.azure.com",
        "operations": ["chat"],
        "credentials": ["AZURE_API_KEY_EU"],
        "max_concurrency": 10,
        "timeouts": {"total": 20.0, "first_token": 5.0},
        "settings": {"api_version": "2024-10-21"},
        "breaker": {"failures": 3, "cooldown": 30.0},
    }
    assert targets["gpt-4o-2"]["base_url"] == "https://canada.openai.azure.com"
    assert targets["gpt-4o-2"]["timeouts"] == {"total": 60.0}
    assert targets["claude"]["context_window"] == 200_000
    assert targets["gemini-flash"]["credentials"] == ["GEMINI_API_KEY"]
    routes = found.state["routes"]
    assert routes["gpt-4o"] == {
        "targets": {"gpt-4o-1": 3, "gpt-4o-2": 1},
        "fallbacks": ["claude", "gemini-flash"],
        "retry": {"attempts": 6},
    }
    assert routes["gpt-4"] == routes["gpt-4o"]
    assert routes["gemini-flash"]["fallbacks"] == ["claude"]
    assert found.state["prices"] == [
        {
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "input": "3",
            "output": "15",
            "cache_read": "0.3",
            "source": "config.yaml of LiteLLM",
        }
    ]
    assert told(found) == ["model_list[0].litellm_params.rpm", "model_list[1].litellm_params.rpm"]
    assert told(found, "changed") == ["router_settings.allowed_fails"]


def test_open_models() -> None:
    found = translated(OPEN_MODELS)
    targets = found.state["targets"]
    assert found.state["routes"] == {
        "zephyr-beta": {"targets": {"zephyr-beta-1": 2, "zephyr-beta-2": 1}},
        "llama": {"targets": {"llama-1": 1, "llama-2": 1}},
    }
    assert targets["llama-1"]["base_url"] == "https://api.groq.com/openai/v1"
    assert targets["llama-2"]["upstream_model"] == "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    assert targets["llama-2"]["credentials"] == ["TOGETHERAI_API_KEY"]
    assert targets["local"]["base_url"] == "http://localhost:11434/v1"
    assert targets["embedding.model"]["model"] == "Embedding.Model"
    assert targets["embedding.model"]["operations"] == targets["embed"]["operations"] == ["embeddings"]
    assert (told(found), told(found, "changed")) == ([], ["model_list[5].litellm_params.model"])


def test_amazon_and_google() -> None:
    found = translated(AMAZON_AND_GOOGLE)
    targets = found.state["targets"]
    assert targets["titan"]["base_url"] == "https://bedrock-runtime.us-west-2.amazonaws.com"
    assert targets["sonnet"]["upstream_model"] == "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert targets["sonnet"]["credentials"] == ["AWS_CREDENTIALS"]
    assert targets["endpoint"]["base_url"] == "https://runtime.sagemaker.eu-central-1.amazonaws.com"
    assert targets["vertex"]["settings"] == {"location": "europe-west4", "project": "acme"}
    assert targets["vertex"]["base_url"] == "https://europe-west4-aiplatform.googleapis.com/v1"
    assert told(found, "do") == ["model_list[1].litellm_params.aws_access_key_id"]


def model(**params: Any) -> dict[str, Any]:
    return {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", **params}}


def one(entry: dict[str, Any], **sections: Any) -> Translated:
    return translate_litellm({"model_list": [entry], **sections}, providers=PROVIDERS, environ={})


def test_a_secret_in_the_file_goes_nowhere() -> None:
    secrets = ["sk-model-secret", "sk-master-secret", "redis-secret", "db-secret", "header-secret"]
    found = one(
        model(api_key=secrets[0], extra_headers={"X-Api-Key": secrets[4], "X-Team": "a"}),
        general_settings={"master_key": secrets[1], "database_url": f"postgresql://u:{secrets[3]}@h/d"},
        router_settings={"redis_password": secrets[2]},
    )
    everything = json.dumps(found.state) + repr(found.findings)
    assert not [secret for secret in secrets if secret in everything]
    target = found.state["targets"]["m"]
    assert (target["credentials"], target["settings"]) == (["M_API_KEY"], {"header.X-Team": "a"})
    (key,) = [finding for finding in found.findings if finding.path.endswith("api_key")]
    assert "genaiops secret set M_API_KEY" in key.instead
    master = next(finding for finding in found.findings if finding.path == "general_settings.master_key")
    assert "genaiops key create" in master.instead
    assert told(one(model(api_base="https://u:pw@h/v1")), "do") == ["model_list[0].litellm_params.api_base"]


@pytest.mark.parametrize(
    ("entry", "path", "said"),
    [
        ({"model_name": "*", "litellm_params": {"model": "openai/*"}}, "model_list[0].model_name", "pattern"),
        (model(model="openai/*"), "model_list[0].litellm_params.model", "at once"),
        (model(model="replicate/llama"), "model_list[0].litellm_params.model", "'replicate'"),
        (model(model="unheard-of"), "model_list[0].litellm_params.model", "whose model"),
        (model(model="hosted_vllm/x"), "model_list[0].litellm_params.api_base", "no address"),
        (
            model(api_base="os.environ/NOT_SET", model="hosted_vllm/x"),
            "model_list[0].litellm_params.api_base",
            "NOT_SET",
        ),
        ({**model(), "model_info": {"mode": "video_generation"}}, "model_list[0].model_info.mode", "video_generation"),
        ("gpt-4o", "model_list[0]", "no model"),
    ],
)
def test_a_model_that_cannot_be_taken_over(entry: Any, path: str, said: str) -> None:
    found = one(entry)
    assert found.state["targets"] == {}
    assert any(finding.path == path and said in finding.what and finding.instead for finding in found.findings)


def test_a_provider_of_another_version() -> None:
    found = translate_litellm({"model_list": [model(model="azure/x")]}, providers=("openai",), environ={})
    assert "'azure' is not in this version" in found.findings[0].what


def test_credentials_that_are_shared_and_deployments_in_order() -> None:
    config = yaml.safe_load("""
model_list:
  - model_name: m
    litellm_params: {model: azure/a, litellm_credential_name: shared, order: 2}
  - model_name: m
    litellm_params: {model: azure/b, litellm_credential_name: shared, order: 1}
credential_list:
  - credential_name: shared
    credential_values: {api_key: os.environ/SHARED, api_base: "https://one.openai.azure.com"}
    credential_info: {description: x}
""")
    found = translate_litellm(config, providers=PROVIDERS, environ={})
    assert {target["credentials"][0] for target in found.state["targets"].values()} == {"SHARED"}
    assert found.state["routes"]["m"] == {"targets": {"m-2": 1}, "fallbacks": ["m-1"]}
    assert not found.findings


@pytest.mark.parametrize(
    ("duration", "period"), [("30d", "month"), ("1d", "day"), ("7d", "week"), (None, "total"), ("45d", None)]
)
def test_the_budget_of_the_whole(duration: str | None, period: str | None) -> None:
    found = one(model(), litellm_settings={"max_budget": 12500000, "budget_duration": duration})
    budget = {"scope": {"kind": "tenant", "id": "default"}, "limit": "12500000 USD", "period": period}
    assert found.state.get("budgets") == ([budget] if period else None)
    if period is None:
        assert told(found) == ["litellm_settings.max_budget"]


def test_fallbacks_that_lead_nowhere() -> None:
    found = one(
        model(),
        router_settings={"fallbacks": [{"m": ["gone"]}, {"other": ["m"]}], "model_group_alias": {"a": "nothing"}},
    )
    assert len(told(found)) == 3
    assert "fallbacks" not in found.state.get("routes", {}).get("m", {})


@pytest.mark.parametrize("config", [None, [], {}, {"model_list": {}}, "text"])
def test_what_is_no_such_file(config: Any) -> None:
    with pytest.raises(UsageError) as caught:
        translate_litellm(config, providers=PROVIDERS)
    assert caught.value.param == "model_list"


WORDS = st.text("abcdefgh_", min_size=4, max_size=8).map(lambda text: f"zz{text}")


@given(
    st.sampled_from(["", "router_settings", "litellm_settings", "general_settings", "model", "params", "info"]),
    WORDS,
    st.one_of(st.integers(1), st.text(min_size=1), st.lists(st.integers(), min_size=1), st.just(value=True)),
)
def test_nothing_is_lost_in_silence(place: str, key: str, value: Any) -> None:
    config: dict[str, Any] = {"model_list": [{**model(), "model_info": {"mode": "chat"}}]}
    paths = {
        "": (config, key),
        "model": (config["model_list"][0], f"model_list[0].{key}"),
        "params": (config["model_list"][0]["litellm_params"], f"model_list[0].litellm_params.{key}"),
        "info": (config["model_list"][0]["model_info"], f"model_list[0].model_info.{key}"),
    }
    holder, path = paths.get(place) or (config.setdefault(place, {}), f"{place}.{key}")
    holder[key] = value
    assert told(translate_litellm(config, providers=PROVIDERS, environ={})) == [path]


def test_what_the_table_says_of_settings_is_what_a_finding_says() -> None:
    for name, instead in tables().instead.items():
        section, _, key = name.rpartition(".")
        if section in {"router_settings", "litellm_settings", "general_settings"} and key != "routing_strategy":
            (finding,) = one(model(), **{section: {key: "x"}}).findings
            assert (finding.path, finding.instead) == (name, instead)
