"""Providers: one wire format per file, loaded by name. Pure: what travels, never how."""

import difflib
from importlib import import_module

from genaiops.core.errors import ConfigError
from genaiops.ports.providers import Provider

PROVIDERS = {
    "openai": ("genaiops.providers.openai_responses", "OpenAIServer"),
    "anthropic": ("genaiops.providers.anthropic", "Anthropic"),
    "llamacpp": ("genaiops.providers.llamacpp", "LlamaCpp"),
    "minilm": ("genaiops.providers.minilm", "MiniLM"),
    "google": ("genaiops.providers.google", "Gemini"),
    "vertex": ("genaiops.providers.google", "Vertex"),
    "azure": ("genaiops.providers.azure", "Azure"),
    "cohere": ("genaiops.providers.cohere", "Cohere"),
    "mistral": ("genaiops.providers.mistral", "Mistral"),
    "bedrock": ("genaiops.providers.bedrock", "Bedrock"),
    "sagemaker": ("genaiops.providers.sagemaker", "SageMaker"),
    "echo": ("genaiops.providers.echo", "Echo"),
}
"""Name -> (module, class). `openai` is any server that speaks OpenAI's API."""


def load(name: str) -> Provider:
    """The provider of that name; ConfigError names the nearest known one."""
    if name not in PROVIDERS:
        near = difflib.get_close_matches(name, PROVIDERS, 1)
        raise ConfigError(
            f"There is no provider {name!r}.",
            remedy=f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(sorted(PROVIDERS))}.",
            code="unknown_provider",
        )
    module, attribute = PROVIDERS[name]
    provider: Provider = getattr(import_module(module), attribute)()
    return provider


__all__ = ["PROVIDERS", "load"]
