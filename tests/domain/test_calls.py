"""Records of calls: what an earlier version wrote is read by a later one."""

from typing import Any

import msgspec

from genaiops.domain import Admitted, Attempt, CallRecord, Decision, KeyEntry, Route, Settled, Target
from tests.watch.calls import admitted, attempt, settled


def without_last(record: Any, fields: int) -> Any:
    """As it was written when it had fewer fields."""
    return msgspec.to_builtins(record, builtin_types=(bytes,))[:-fields]


def test_records_from_before_decisions() -> None:
    old = msgspec.msgpack.encode(without_last(admitted(1), 1))
    read = msgspec.msgpack.decode(old, type=CallRecord)
    assert isinstance(read, Admitted)
    assert read == admitted(1)
    raw = msgspec.to_builtins(settled(1, (attempt(1),)), builtin_types=(bytes,))
    where = next(at for at, value in enumerate(raw) if isinstance(value, list | tuple) and value and len(value[0]) > 10)
    raw[where] = [without_last(attempt(1), 1)]
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(raw), type=CallRecord)
    assert isinstance(read, Settled)
    assert read.attempts[0] == attempt(1)
    assert read.attempts[0].decision is None


def test_a_decision_survives_the_spool() -> None:
    decided = msgspec.structs.replace(attempt(1), decision=Decision("cost", ("a", "b"), (("c", "busy"),), "x"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(decided), type=Attempt) == decided


def test_keys_targets_and_routes_from_before() -> None:
    entry = KeyEntry(b"d", "k", "n", "a", "person", "t", None, "dev", None, (), (), (), (), None, (), ())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(without_last(entry, 2)), type=KeyEntry) == entry
    target = b'{"id":"t","provider":"openai","model":"m","upstream_model":"u","created_us":1}'
    route = b'{"id":"r","targets":[{"target_id":"t"}],"created_us":1}'
    assert msgspec.json.decode(target, type=Target).queue_seconds == 0
    assert msgspec.json.decode(route, type=Route).strategy == "weighted"
