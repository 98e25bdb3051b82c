"""The embedded MiniLM encoder: OpenAI's embeddings API in a process of our own."""

from genaiops.providers.openai import OpenAI


class MiniLM(OpenAI):
    name = "minilm"
