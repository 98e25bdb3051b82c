"""The processes that serve the embedded models: OpenAI-compatible, on loopback, each with its key and its queue."""
