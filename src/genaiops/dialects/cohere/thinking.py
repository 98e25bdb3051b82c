"""How much a model should think: Cohere's `thinking` with a budget of tokens, OpenAI's `reasoning_effort`."""

from genaiops.dialects.fields import CHAT, Fields, unsayable

BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576}
"""Tokens of thought. Cohere names no counterpart of an effort: these are the ones that Google sets for Gemini 2.5."""

_EFFORTS = ("low", "medium", "high")


def effort_of(request: Fields) -> str | None:
    """`reasoning_effort` for a request of Cohere's: the largest effort that the budget pays for. Thinking without a
    budget is what a reasoning model does by itself, so nothing is said."""
    thinking = request.fields("thinking")
    if thinking is None:
        return None
    kind = thinking.needed_text("type")
    budget = thinking.integer("token_budget")
    thinking.close()
    if kind == "disabled":
        return "none"
    if kind != "enabled":
        raise unsayable(thinking.path("type"), CHAT)
    if budget is None:
        return None
    paid = [name for name in _EFFORTS if BUDGETS[name] <= budget]
    return paid[-1] if paid else "minimal"
