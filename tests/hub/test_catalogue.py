"""The catalogue and the presets as they come along: every entry usable, and nothing in them that cannot be."""

from datetime import date
from urllib.parse import urlsplit

import pytest

from genaiops.core.errors import NotFound
from genaiops.domain import Target
from genaiops.hub import CatalogueModel, Preset, catalogue, catalogue_model, preset, presets
from genaiops.hub._targets import checked_target
from genaiops.providers import PROVIDERS

SPOKEN = {*PROVIDERS, "anthropic", "azure", "cohere", "google", "mistral", "vertex"}
OPERATIONS = {"chat", "text_completion", "embeddings", "rerank", "responses"}


@pytest.mark.parametrize("model", catalogue(), ids=lambda model: model.name)
def test_a_model(model: CatalogueModel) -> None:
    assert model.provider in SPOKEN
    assert set(model.presets) <= {each.name for each in presets()}
    assert model.operations
    assert set(model.operations) <= OPERATIONS
    assert len(set(model.abilities)) == len(model.abilities)
    if model.context_window is not None:
        assert 128 <= model.context_window <= 20_000_000
        assert model.max_output is None or model.max_output < model.context_window
    if model.open_weights:
        assert model.licence, "open weights without their licence"
    assert urlsplit(model.source).scheme == "https"


@pytest.mark.parametrize("found", presets(), ids=lambda found: found.name)
def test_a_preset_makes_a_target(found: Preset) -> None:
    assert found.provider in SPOKEN
    url = found.base_url.replace("REGION", "eu-central-1")
    target = checked_target(
        Target(
            id="t",
            provider=found.provider,
            model="m",
            upstream_model="m",
            base_url=url,
            operations=found.operations,
            credentials=(found.secret,) if found.secret else (),
            settings=found.settings,
            created_us=0,
        ),
        SPOKEN,
    )
    assert target.base_url == url
    own = urlsplit(url).hostname in {"127.0.0.1", "localhost"}
    assert urlsplit(url).scheme == ("http" if own else "https")
    assert own is (found.secret is None)


def test_names_are_used_once() -> None:
    names = [model.name for model in catalogue()]
    assert len(set(names)) == len(names)


def test_the_catalogue_covers_what_people_ask_for() -> None:
    makers = {model.maker for model in catalogue()}
    assert {"OpenAI", "Anthropic", "Google", "Meta", "Mistral AI", "Cohere", "Amazon", "DeepSeek", "xAI"} <= makers
    assert catalogue_model("gpt-4").state(date(2026, 10, 22)) == "ending"
    assert catalogue_model("gpt-4").state(date(2026, 10, 23)) == "retired"
    assert catalogue_model("text-bison").state(date(2020, 1, 1)) == "retired"
    assert catalogue_model("gpt-4.1").state(date(2030, 1, 1)) == "current"
    llama = catalogue_model("meta-llama/Llama-3.3-70B-Instruct")
    assert (llama.open_weights, llama.licence) == (True, "Llama 3.3 Community License")
    assert sum("code" in model.abilities for model in catalogue()) >= 5


def test_a_slip_is_met_with_the_nearest_name() -> None:
    with pytest.raises(NotFound, match=r"Did you mean 'gpt-4\.1'"):
        catalogue_model("gpt4.1")
    with pytest.raises(NotFound, match="Did you mean 'groq'"):
        preset("grok")
