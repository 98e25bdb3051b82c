"""The embedded llama.cpp server: OpenAI's API in a process of our own, refusing what it cannot do."""

from genaiops.providers.openai import OpenAI


class LlamaCpp(OpenAI):
    name = "llamacpp"
