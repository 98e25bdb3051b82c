"""How much Google's models think, where that is counted in tokens."""

BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
"""Tokens of thought for models that count them (Gemini 2.5), as Google's own OpenAI-compatible endpoint sets them."""
