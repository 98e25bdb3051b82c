"""How much a model should think: Anthropic's `thinking` and `output_config.effort`, OpenAI's `reasoning_effort`.

Newer Claude models think adaptively, steered by an effort; older ones want a budget of tokens (at least 1,024 and less
than `max_tokens`). OpenAI has efforts only, so a budget becomes the largest effort that it pays for.
"""

from typing import Any, Literal

from genaiops.core.errors import UsageError
from genaiops.dialects.fields import CHAT, MESSAGES, Fields, unsayable

Thinking = Literal["adaptive", "budget"]
BUDGETS = {"minimal": 1024, "low": 4096, "medium": 10240, "high": 24576, "xhigh": 32768, "max": 63999}
"""Tokens of thinking that stand for an effort where only a budget is understood."""

LEAST_BUDGET = 1024


def effort_of(request: Fields, effort: str | None) -> str | None:
    """`reasoning_effort` for a Messages request; `effort` is its `output_config.effort`. Adaptive thinking without an
    effort is what a reasoning model does by itself, so nothing is said."""
    thinking = request.fields("thinking")
    if thinking is None:
        return effort
    kind = thinking.needed_text("type")
    budget = thinking.integer("budget_tokens")
    thinking.close(("display",))
    if kind == "disabled":
        return "none"
    if kind == "adaptive":
        return effort
    if kind != "enabled":
        raise unsayable(thinking.path("type"), CHAT)
    if effort is not None:
        return effort
    paid = [name for name, least in BUDGETS.items() if least <= (budget or 0)]
    return paid[-1] if paid else "minimal"


def thinking_of(effort: str, max_tokens: int, mode: Thinking) -> dict[str, Any]:
    """The fields of a Messages request that stand for `reasoning_effort`. A budget leaves a quarter of `max_tokens` to
    the answer."""
    if effort not in BUDGETS and effort != "none":
        raise unsayable("reasoning_effort", MESSAGES, f"Known are none, {', '.join(BUDGETS)}.")
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    if mode == "adaptive":
        return {
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "low" if effort == "minimal" else effort},
        }
    if max_tokens <= LEAST_BUDGET:
        raise UsageError(
            f"'reasoning_effort' needs room: the target's model thinks with at least {LEAST_BUDGET} tokens, and "
            f"{max_tokens} are allowed in all.",
            remedy="Raise max_completion_tokens, or leave reasoning_effort out.",
            code="invalid_value",
            param="reasoning_effort",
        )
    budget = min(BUDGETS[effort], max(LEAST_BUDGET, max_tokens * 3 // 4))
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}
