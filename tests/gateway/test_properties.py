"""Properties of a call: Helicone's headers and OpenAI's metadata, bounded."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from genaiops.domain import Admitted
from genaiops.gateway import properties
from genaiops.gateway.properties import LONGEST_NAME, LONGEST_VALUE, MOST, metadata_of, properties_of
from tests.watch.calls import admitted

PLAIN = {b"host": b"h", b"authorization": b"Bearer x", b"content-type": b"application/json"}


def test_helicones_headers() -> None:
    headers = {
        **PLAIN,
        b"helicone-auth": b"Bearer sk-helicone-secret",
        b"helicone-cache-enabled": b"true",
        b"helicone-user-id": b"ann",
        b"helicone-session-id": b"s-1",
        b"helicone-session-path": b"/plan/flight",
        b"helicone-session-name": b"Travel",
        b"helicone-property-feature": b" checkout ",
        b"helicone-property-user-tier": "größer".encode(),
        b"helicone-property-old": "größer".encode("latin-1"),
        b"helicone-property-": b"nameless",
        b"helicone-property-empty": b"",
    }
    assert properties_of(headers, None) == {
        "user_id": "ann",
        "session_id": "s-1",
        "session_path": "/plan/flight",
        "session_name": "Travel",
        "feature": "checkout",
        "user-tier": "größer",
        "old": "größer",
    }


def test_metadata_stands_behind_headers() -> None:
    headers = {b"helicone-property-feature": b"header"}
    assert properties_of(headers, {"feature": "body", "Plan": "pro"}) == {"feature": "header", "Plan": "pro"}
    assert properties_of(PLAIN, {"a": "b"}) == {"a": "b"}


def test_without_any_there_are_none() -> None:
    for _ in range(2):
        assert properties_of(PLAIN, None) == {}
        assert properties_of({}, {}) == {}


def test_what_clients_send_does_not_grow_in_memory() -> None:
    for number in range(2000):
        assert properties_of({b"x-%d" % number: b"", b"y" * 2000: b""}, None) == {}
    assert len(properties._ordinary) <= 512
    assert max(map(len, properties._ordinary)) <= 64
    assert properties_of({b"x-1999": b"", b"helicone-property-a": b"b"}, None) == {"a": "b"}


@given(
    st.dictionaries(st.binary(max_size=90).map(lambda name: b"helicone-property-" + name), st.binary(max_size=600)),
    st.dictionaries(st.text(max_size=90), st.text(max_size=600)),
)
def test_bounds_hold_and_the_record_survives(headers: dict[bytes, bytes], metadata: dict[str, str]) -> None:
    many = {**headers, **{b"helicone-property-p%d" % number: b"v" for number in range(40)}}
    found = properties_of(many, metadata)
    assert len(found) <= MOST
    assert all(name and value for name, value in found.items())
    assert all(len(name) <= LONGEST_NAME and len(value) <= LONGEST_VALUE for name, value in found.items())
    record = admitted(1, properties=found)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Admitted) == record


def test_records_of_before_are_read() -> None:
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(admitted(1)))
    at = Admitted.__struct_fields__.index("properties") + 1  # before the fields is the tag
    assert old[at] == {}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old[:at]), type=Admitted) == admitted(1)


def test_metadata_of_any_form() -> None:
    raw = b'{"a": "b", "n": 3, "tags": ["x", 1], "none": null, "yes": true}'
    assert properties_of({}, metadata_of(raw)) == {"a": "b", "n": "3", "tags": '["x",1]', "yes": "true"}
    assert [metadata_of(bad) for bad in (b"[]", b"null", b"{", b'"x"', b"\xff")] == [None] * 5


@given(st.binary())
def test_metadata_of_any_bytes(raw: bytes) -> None:
    metadata_of(raw)
