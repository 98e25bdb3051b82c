"""Calls as a worker records them."""

import json
from typing import Any

from genaiops.domain import Admitted, Attempt, Charge, Cost, Refused, Settled, Status, Usage

NOW = 1_795_000_000_000_000
REQUEST = json.dumps({"model": "m", "messages": [{"role": "user", "content": "where is the aurora"}]}).encode()
ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "in the north"}}]}).encode()


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def admitted(number: int, **facts: Any) -> Admitted:
    known: dict[str, Any] = {
        "sequence": number,
        "trace_id": trace_id(number),
        "span_id": number.to_bytes(8, "big"),
        "parent_id": None,
        "request_id": f"req_{number}",
        "start_us": NOW + number * 1000,
        "operation": "chat",
        "model": "m",
        "route_id": None,
        "streamed": False,
        "key_id": "key_1",
        "key_name": "one",
        "actor_id": "act_1",
        "tenant_id": "default",
        "team_id": "search",
        "environment_id": "dev",
        "application": None,
        "user_id": None,
        "user_verified": False,
        "session_id": None,
        "peer": "127.0.0.1",
        "snapshot_version": 1,
        "capture": "full",
        "reserved": (Charge("bud_1", 0, 100),),
    }
    return Admitted(**{**known, **facts})


def attempt(number: int, at: int = 0, *, pays: bool = True, status: Status = "ok", nano: int | None = 70) -> Attempt:
    usage = Usage(input_uncached=5, output_text=2) if pays else None
    return Attempt(
        (number * 100 + at + 1).to_bytes(8, "little"),
        "t",
        "openai",
        "up",
        NOW + number * 1000 + 10 * (at + 1),
        900,
        None,
        status,
        200 if pays else 500,
        None if pays else "upstream_500",
        None,
        pays,
        usage,
        Cost(nano) if pays else None,
        "id",
        "up-1",
        "stop",
        "first",
    )


def settled(number: int, attempts: tuple[Attempt, ...] | None = None, charge: int = 7) -> Settled:
    return Settled(
        number,
        trace_id(number),
        NOW + number * 1000 + 950,
        None,
        "ok",
        200,
        None,
        None,
        (attempt(number),) if attempts is None else attempts,
        (Charge("bud_1", 0, charge),),
    )


def refused(number: int) -> Refused:
    return Refused(admitted(number), NOW + number * 1000 + 5, 429, "budget_exceeded", "no more")
