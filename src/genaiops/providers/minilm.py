"""The embedded MiniLM encoder: OpenAI's embeddings API in a process of our own."""

from genaiops.domain import Target
from genaiops.providers.openai import OpenAI


class MiniLM(OpenAI):
    name = "minilm"

    def strict(self, target: Target) -> bool:  # noqa: ARG002 - all targets alike
        return True
