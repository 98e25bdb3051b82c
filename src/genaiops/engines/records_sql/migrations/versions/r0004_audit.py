"""The audit log: a chain over all changes, with those made before it sealed as they are found."""

import hashlib
from collections.abc import Iterator, Sequence
from secrets import token_hex
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from genaiops.core.clock import now_us

revision: str = "r0004"
down_revision: str | None = "r0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PAGE = 1000


def upgrade() -> None:
    events = op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("entity_id", sa.Text, nullable=False),
        sa.Column("change", sa.BigInteger),
        sa.Column("commitment", sa.Text, nullable=False),
        sa.Column("leaf", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_events_entity", "audit_events", ["collection", "entity_id"])
    op.create_index("ix_audit_events_actor", "audit_events", ["actor_id"])
    op.create_index("ix_audit_events_change", "audit_events", ["change"])
    payloads = op.create_table(
        "audit_payloads",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
    )
    _seal(events, payloads)


def _seal(events: sa.Table, payloads: sa.Table) -> None:
    """Take what was changed so far into the chain, and say so in it: whatever was done to those rows before is not
    known, from here on it is."""
    connection = op.get_bind()
    prev, seq = "0" * 64, 0
    for page in _pages(connection):
        rows: list[dict[str, Any]] = []
        salts: list[dict[str, Any]] = []
        for change in page:
            seq += 1
            salt = token_hex(16)
            row = _event(seq, prev, change, salt, change["body"])
            prev = row["leaf"]
            rows.append(row)
            salts.append({"seq": seq, "salt": salt, "body": None})
        connection.execute(events.insert(), rows)
        connection.execute(payloads.insert(), salts)
    if seq:
        about = {"at_us": now_us(), "actor_id": "system", "action": "seal", "collection": "audit"}
        salt, body = token_hex(16), msgspec.json.encode({"changes": seq}).decode()
        row = _event(seq + 1, prev, {**about, "entity_id": "migration", "seq": None}, salt, body)
        connection.execute(events.insert(), [row])
        connection.execute(payloads.insert(), [{"seq": seq + 1, "salt": salt, "body": body}])


def _pages(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    names = ("seq", "at_us", "actor_id", "action", "collection", "entity_id", "body")
    changes = sa.table("changes", *map(sa.column, names))
    last = 0
    while True:
        query = sa.select(*changes.c).where(changes.c.seq > last).order_by(changes.c.seq).limit(_PAGE)
        page = [dict(row) for row in connection.execute(query).mappings()]
        if not page:
            return
        yield page
        last = page[-1]["seq"]


def _event(seq: int, prev: str, about: dict[str, Any], salt: str, body: str | None) -> dict[str, Any]:
    commitment = hashlib.sha256(bytes.fromhex(salt) + (body or "").encode()).hexdigest()
    envelope = {
        "action": about["action"],
        "actor": about["actor_id"],
        "at": about["at_us"],
        "change": about["seq"],
        "collection": about["collection"],
        "commitment": commitment,
        "entity": about["entity_id"],
        "prev": prev,
        "seq": seq,
    }
    leaf = hashlib.sha256(b"\0" + msgspec.json.encode(envelope, order="sorted")).hexdigest()
    kept = {name: about[name] for name in ("at_us", "actor_id", "action", "collection", "entity_id")}
    return {"seq": seq, **kept, "change": about["seq"], "commitment": commitment, "leaf": leaf}
