"""The audit log: what happened to the records, as a chain of hashes over salted commitments."""

import hashlib

import msgspec

from genaiops.core.merkle import leaf_hash

AUDIT_START = "0" * 64
"""What stands for the hash before the first event."""


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `seq` counts all from 1 without gaps. `actor_id` is a pseudonym: names stand elsewhere.

    `change` is the number of the change of records that it was, None for what changed none. `commitment` is
    H(salt || payload) and `leaf` the event's own hash, which covers the one before it; both in hexadecimal.
    """

    seq: int
    at_us: int
    actor_id: str
    action: str
    collection: str
    entity_id: str
    change: int | None
    commitment: str
    leaf: str


class AuditPayload(msgspec.Struct, frozen=True, kw_only=True):
    """What an event was about: the salt in hexadecimal, and the JSON that was committed to (None: nothing, as of what
    was removed). Both may be erased; the chain holds without them."""

    salt: str
    body: str | None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The log at a size, signed: `root` is that of the Merkle tree over the leaves (hexadecimal), `note` the signed
    text (C2SP tlog-checkpoint)."""

    size: int
    root: str
    at_us: int
    origin: str
    note: str


class LogKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs checkpoints of a log: `verifier` is its public part as C2SP signed-note writes it."""

    id: str
    origin: str
    verifier: str
    since_us: int


class _Envelope(msgspec.Struct, frozen=True):
    """What a leaf is the hash of, with its keys sorted."""

    action: str
    actor: str
    at: int
    change: int | None
    collection: str
    commitment: str
    entity: str
    prev: str
    seq: int


_encode = msgspec.json.Encoder().encode


def commitment_of(salt: str, body: str | None) -> str:
    """SHA-256 of the salt's bytes and the body's, in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(salt) + (body or "").encode()).hexdigest()


def leaf_of(event: AuditEvent, prev: str) -> str:
    """The hash that the event has to have after the one whose leaf is `prev`: RFC 6962's of a leaf, over the JSON of
    the envelope with sorted keys and without spaces."""
    envelope = _Envelope(
        event.action,
        event.actor_id,
        event.at_us,
        event.change,
        event.collection,
        event.commitment,
        event.entity_id,
        prev,
        event.seq,
    )
    return leaf_hash(_encode(envelope)).hex()
