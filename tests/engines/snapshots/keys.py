"""Entries for a key log."""

from genaiops.domain import Budget, KeyEntry, Scope


def entry(number: int, *, removed: bool = False) -> KeyEntry:
    scope = Scope("key", f"key_{number}")
    budget = Budget(id=f"budget_{number}", scope=scope, meter="money", limit=10**9, created_us=1)
    return KeyEntry(
        digest=number.to_bytes(32, "big"),
        key_id=f"key_{number}",
        key_name="tests",
        actor_id="actor_1",
        actor_kind="service_account",
        tenant_id="default",
        team_id="search",
        environment_id="dev",
        application=None,
        models=("smollm2", "gpt-*"),
        routes=(),
        addresses=("10.0.0.0/8",),
        scopes=("calls",),
        not_after_us=None,
        budgets=(budget,) if number % 3 == 0 else (),
        rate_limits=(),
        removed=removed,
    )
