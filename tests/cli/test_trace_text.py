"""A trace as text."""

from typing import Any

from genaiops.cli._trace_text import cost_text, trace_lines


def span(span_id: str, parent_id: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "span_id": span_id,
        "parent_id": parent_id,
        "name": f"chat {span_id}",
        "kind": "llm",
        "duration_ms": 10.0,
        "first_token_ms": None,
        "status": "ok",
        "error": None,
        "attempt": None,
        "usage": None,
        "owns_usage": False,
        **fields,
    }


USAGE = {"input_tokens": 1200, "output_tokens": 3, "total_tokens": 1203, "estimated": True}
KNOWN = {"amount": "0.0000036", "currency": "USD", "known": True}
UNKNOWN = {"amount": None, "currency": "USD", "known": False}


def trace(**fields: Any) -> dict[str, Any]:
    return {
        "trace_id": "t" * 32,
        "started_at": "2026-11-21T04:58:25.123456Z",
        "status": "ok",
        "http_status": 200,
        "error": None,
        "duration_ms": 40.0,
        "usage": USAGE,
        "cost": UNKNOWN,
        "spans": [span("a", None)],
        **fields,
    }


def test_a_cost_that_nobody_knows_is_not_nought() -> None:
    assert [cost_text(KNOWN), cost_text(UNKNOWN), cost_text(None)] == ["0.0000036 USD", "unknown", "-"]


def test_why_a_try_went_where_it_went() -> None:
    attributes = {
        "genaiops.routing.strategy": "latency",
        "genaiops.routing.candidates": ["a", "b"],
        "genaiops.routing.passed_over": {"c": "busy"},
        "genaiops.routing.note": "no user to keep it by",
    }
    tried = span("b", "a", attempt=1, target="a", reason="first", attributes=attributes)
    text = "\n".join(trace_lines(trace(spans=[span("a", None), tried])))
    assert "attempt 1 at a (first; latency of a, b; passed over c: busy; no user to keep it by)" in text


def test_the_tree() -> None:
    failed = {"status": "error", "http_status": 503, "error": {"type": "unavailable", "message": "full"}}
    spans = [
        span("root", None, kind="gateway", duration_ms=40.0),
        span("one", "root", attempt=1, target="small", **failed),
        span("two", "root", attempt=2, target="large", reason="fallback", usage=USAGE, owns_usage=True, cost=KNOWN),
        span("inner", "two", kind="tool"),
    ]
    lines = list(trace_lines(trace(spans=spans)))
    tree = lines[lines.index("Spans") + 1 :]
    assert [line[: line.index("chat")] for line in tree] == ["", " ├─ ", " └─ ", "    └─ "]
    assert "attempt 1 at small" in tree[1]
    assert "error (503)  unavailable: full" in tree[1]
    assert "attempt 2 at large (fallback)" in tree[2]
    assert "1,200 in, 3 out  0.0000036 USD" in tree[2]


def test_spans_whose_parent_is_elsewhere_are_roots() -> None:
    lines = list(trace_lines(trace(spans=[span("a", "elsewhere"), span("b", "elsewhere")])))
    assert [line[:6] for line in lines[lines.index("Spans") + 1 :]] == ["chat a", "chat b"]


def test_tokens_and_the_conversation() -> None:
    turns = [
        {"role": "user", "text": "Where?\nThere?", "tool_calls": [], "reasoning": ""},
        {"role": "assistant", "text": "", "tool_calls": [{"name": "look", "arguments": "{}"}], "reasoning": "Hm."},
    ]
    text = "\n".join(trace_lines(trace(messages=turns)))
    assert "1,200 in, 3 out (estimated)" in text
    assert "  user:\n    Where?\n    There?\n  assistant:\n    (reasoning) Hm.\n    -> look({})" in text


def energy(known: int, attempts: int) -> dict[str, Any]:
    figures = {"low": 1e-6, "central": 2e-6, "high": 4e-6} if known else None
    return {
        "known": known,
        "attempts": attempts,
        "kwh": figures,
        "co2e_g": None,
        "embodied_g": None,
        "water_l": None,
        "methods": ["modelled"],
        "models": ["m 1: a clock"],
        "factors": [],
        "zones": ["DEU"],
        "omits": ["input tokens"],
    }


def test_energy_is_a_range_with_its_method() -> None:
    lines = "\n".join(trace_lines(trace(energy=energy(1, 1))))
    assert "energy        0.002 Wh (0.001 to 0.004), unknown g CO2e, unknown ml of water\n" in lines
    assert "modelled by m 1: a clock\n" in lines
    assert "factors: none, zone DEU; not in it: input tokens\n" in lines


def test_energy_that_nobody_knows_is_not_nought() -> None:
    assert "energy        unknown\n" in "\n".join(trace_lines(trace(energy=energy(0, 2))))
    assert ", and 1 unknown\n" in "\n".join(trace_lines(trace(energy=energy(1, 2))))
    assert "energy" not in "\n".join(trace_lines(trace(energy=energy(0, 0))))
