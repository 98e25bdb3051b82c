"""A trace as text: facts, the tree of its spans, the conversation, scores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genaiops.cli._output import Row
from genaiops.cli._values import milliseconds, tokens

_BAR = 24


def cost_text(cost: Row | None) -> str:
    """`0.0000036 USD`, or `unknown`: a price nobody knows is not 0."""
    if cost is None:
        return "-"
    return f"{cost['amount']} {cost['currency']}" if cost["known"] else "unknown"


def range_text(found: Row | None, unit: str) -> str:
    """`0.035 Wh (0.032 to 0.039)`, or `unknown`: what nobody knows is not 0."""
    if found is None:
        return f"unknown {unit}"
    return f"{found['central']:.3g} {unit} ({found['low']:.3g} to {found['high']:.3g})"


def energy_text(energy: Row, known: int, attempts: int) -> str:
    """Wh, g CO2e and ml of water of the known among attempts."""
    if not known:
        return "unknown" if attempts else "-"
    watt_hours = {name: value * 1000 for name, value in energy["kwh"].items()}
    litres = energy["water_l"]
    millilitres = None if litres is None else {name: value * 1000 for name, value in litres.items()}
    figures = ((watt_hours, "Wh"), (energy["co2e_g"], "g CO2e"), (millilitres, "ml of water"))
    text = ", ".join(range_text(found, unit) for found, unit in figures)
    return text if known == attempts else f"{text}, and {attempts - known} unknown"


_TYPED = tuple(f"genaiops.{word}." for word in ("audio", "image", "moderation", "rerank", "speech"))


def trace_lines(trace: Row) -> Iterator[str]:
    yield from _facts(trace)
    yield ""
    yield "Spans"
    yield from _tree(trace["spans"])
    if trace.get("messages"):
        yield ""
        yield "Conversation"
        yield from _conversation(trace["messages"])
    if trace.get("media"):
        yield ""
        yield "Media"
        for medium in trace["media"]:
            kept = "" if medium["kept"] else "  (not kept)"
            name = f"  {medium['name']}" if medium.get("name") else ""
            size = f"{medium['bytes']:,} bytes"
            yield f"  {medium['direction']:6}  {medium['media_type']}  {size}  {medium['digest']}{name}{kept}"
    for score in trace.get("scores") or ():
        value = score["label"] if score["value"] is None else f"{score['value']:g}"
        yield f"Score {score['name']}: {value} ({score['source']}) {score['comment']}".rstrip()


def _facts(trace: Row) -> Iterator[str]:
    usage = trace["usage"]
    user = trace.get("user")
    marker = " (estimated)" if usage["estimated"] else ""
    if usage.get("unknown"):
        marker += f" (not told: {', '.join(usage['unknown'])})"
    facts: tuple[tuple[str, Any], ...] = (
        ("trace", trace["trace_id"]),
        ("request", trace.get("request_id")),
        ("started", trace["started_at"]),
        ("status", _status(trace)),
        ("model", trace.get("model")),
        ("target", trace.get("target")),
        ("route", trace.get("route")),
        ("took", milliseconds(trace["duration_ms"])),
        ("first token", None if trace.get("first_token_ms") is None else milliseconds(trace["first_token_ms"])),
        ("tokens", f"{tokens(usage['input_tokens'])} in, {tokens(usage['output_tokens'])} out{marker}"),
        ("cost", cost_text(trace["cost"])),
        *_energy(trace.get("energy")),
        ("key", trace.get("key_id")),
        ("team", trace.get("team_id")),
        ("environment", trace.get("environment_id")),
        ("application", trace.get("application")),
        ("user", None if user is None else f"{user['id']} ({'verified' if user['verified'] else 'a label'})"),
    )
    for name, value in facts:
        if value is not None:
            yield f"{name:12}  {value}"
    attributes: Row = trace.get("attributes") or {}
    for name, value in attributes.items():
        if name.startswith(_TYPED):
            yield f"{name.removeprefix('genaiops.'):12}  {value}"
    properties: dict[str, str] = trace.get("properties") or {}
    yield from (f"{'property':12}  {name}={value}" for name, value in properties.items())


def _energy(energy: Row | None) -> Iterator[tuple[str, str]]:
    if energy is None or not energy["attempts"]:
        return
    yield "energy", energy_text(energy, energy["known"], energy["attempts"])
    if energy["known"]:
        factors = f"factors: {', '.join(energy['factors']) or 'none'}, zone {', '.join(energy['zones'])}"
        yield "", f"{', '.join(energy['methods'])} by {'; '.join(energy['models'])}"
        yield "", f"{factors}; not in it: {', '.join(energy['omits']) or 'nothing'}"


def _status(item: Row) -> str:
    text = item["status"]
    if item.get("http_status") is not None:
        text += f" ({item['http_status']})"
    error = item.get("error")
    return f"{text}  {error['type']}: {error['message']}" if error else text


def _tree(spans: Sequence[Row]) -> Iterator[str]:
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[Row]] = {}
    for span in spans:
        parent = span["parent_id"] if span["parent_id"] in known else None
        children.setdefault(parent, []).append(span)
    longest = max((span["duration_ms"] for span in spans), default=0) or 1
    yield from _branch(children, None, "", longest)


def _branch(
    children: Mapping[str | None, Sequence[Row]], parent: str | None, indent: str, whole: float
) -> Iterator[str]:
    below = children.get(parent, ())
    for span in below:
        last = span is below[-1]
        lead = "" if parent is None else f"{indent}{'└─ ' if last else '├─ '}"
        yield f"{lead}{_span_text(span, whole)}"
        further = "" if parent is None else f"{indent}{'   ' if last else '│  '}"
        yield from _branch(children, span["span_id"], further or " ", whole)


def _span_text(span: Row, whole: float) -> str:
    parts = [f"{span['name']} [{span['kind']}]", milliseconds(span["duration_ms"])]
    parts.append("▇" * max(1, round(_BAR * span["duration_ms"] / whole)))
    if span.get("first_token_ms") is not None:
        parts.append(f"first token {milliseconds(span['first_token_ms'])}")
    if span.get("attempt") is not None:
        reason = f" ({span['reason']}{_decided(span.get('attributes') or {})})" if span.get("reason") else ""
        parts.append(f"attempt {span['attempt']} at {span.get('target') or '-'}{reason}")
    usage = span.get("usage")
    if usage is not None and span["owns_usage"]:
        parts.append(f"{tokens(usage['input_tokens'])} in, {tokens(usage['output_tokens'])} out")
        parts.append(cost_text(span.get("cost")))
        if span.get("cost_recorded") is not None:
            parts.append(f"(recorded: {cost_text(span['cost_recorded'])})")
        if span.get("cost_corrected") is not None:
            corrected = span["cost_corrected"]
            parts.append(f"(corrected by {corrected['by']} at {corrected['at'][:19]}Z)")
        if span.get("energy") is not None and span["energy"]["method"] == "unknown":
            parts.append(f"energy unknown: {span['energy']['reason']}")
    if span["status"] != "ok":
        parts.append(_status(span))
    return "  ".join(parts)


def _decided(attributes: Row) -> str:
    """Why it went there: `; latency of a, b; passed over c: busy`."""
    strategy = attributes.get("genaiops.routing.strategy")
    if strategy is None:
        return ""
    text = f"; {strategy} of {', '.join(attributes['genaiops.routing.candidates'])}"
    passed = attributes.get("genaiops.routing.passed_over")
    if passed:
        text += f"; passed over {', '.join(f'{name}: {why}' for name, why in passed.items())}"
    note = attributes.get("genaiops.routing.note")
    return f"{text}; {note}" if note else text


def _conversation(turns: Sequence[Row]) -> Iterator[str]:
    for turn in turns:
        yield f"  {turn['role']}:"
        if turn.get("reasoning"):
            yield from _indented(f"(reasoning) {turn['reasoning']}")
        if turn["text"]:
            yield from _indented(turn["text"])
        for call in turn.get("tool_calls") or ():
            yield from _indented(f"-> {call['name']}({call['arguments']})")


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines() or [""]:
        yield f"    {line}"
