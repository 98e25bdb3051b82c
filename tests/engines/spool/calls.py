"""Records to put into a spool."""

from genaiops.domain import Admitted, Attempt, Charge, Cost, Refused, Settled, Usage


def admitted(sequence: int) -> Admitted:
    return Admitted(
        sequence=sequence,
        trace_id=sequence.to_bytes(16, "big"),
        span_id=sequence.to_bytes(8, "big"),
        parent_id=None,
        request_id=f"req_{sequence}",
        start_us=1_800_000_000_000_000 + sequence,
        operation="chat",
        model="smollm2",
        route_id=None,
        streamed=False,
        key_id="key_1",
        key_name="tests",
        actor_id="actor_1",
        tenant_id="default",
        team_id=None,
        environment_id="dev",
        application=None,
        user_id="ü",
        user_verified=False,
        session_id=None,
        peer="127.0.0.1",
        snapshot_version=3,
        capture="full",
        reserved=(Charge("budget", 0, 40),),
    )


def settled(sequence: int) -> Settled:
    attempt = Attempt(
        span_id=b"12345678",
        target_id="smollm2",
        provider="openai",
        upstream_model="smollm2",
        start_us=1_800_000_000_000_000,
        duration_us=900,
        first_token_us=None,
        status="ok",
        http_status=200,
        error_type=None,
        error_message=None,
        pays=True,
        usage=Usage(input_uncached=10, output_text=4),
        cost=Cost(None),
        response_id=None,
        response_model=None,
        finish_reason="stop",
        reason="first",
    )
    return Settled(
        sequence=sequence,
        trace_id=sequence.to_bytes(16, "big"),
        end_us=1_800_000_000_001_000,
        first_token_us=None,
        status="ok",
        http_status=200,
        error_type=None,
        error_message=None,
        attempts=(attempt,),
        charged=(Charge("budget", 0, 14),),
    )


def refused(sequence: int) -> Refused:
    return Refused(admitted(sequence), 1_800_000_000_000_001, 429, "rate_limit_exceeded", "The limit is reached.")
