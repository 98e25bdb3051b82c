"""The first tables: one a noun, and the changes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "r0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Written out, not taken from the program's tables: those move on, a revision stays.
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BODY = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

_TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # name: (columns with an index, unique columns)
    "tenants": ((), ()),
    "teams": (("tenant_id",), ()),
    "environments": (("tenant_id",), ()),
    "actors": (("tenant_id", "team_id", "kind"), ("name",)),
    "keys": (("actor_id", "team_id", "environment_id", "name"), ("digest",)),
    "issuers": ((), ()),
    "targets": (("model", "provider"), ()),
    "routes": ((), ()),
    "prices": (("provider", "model"), ()),
    "budgets": (("scope_kind", "scope_id"), ()),
    "rate_limits": (("scope_kind", "scope_id"), ()),
    "artifacts": (("kind",), ()),
    "versions": (("artifact_id",), ()),
    "aliases": (("artifact_id",), ()),
}


def upgrade() -> None:
    for name, (indexed, unique) in _TABLES.items():
        op.create_table(
            name,
            sa.Column("id", _KEY, primary_key=True),
            *(sa.Column(column, _KEY) for column in (*indexed, *unique)),
            sa.Column("body", _BODY, nullable=False),
            sa.Column("updated_us", sa.BigInteger, nullable=False),
        )
        for column in indexed:
            op.create_index(f"ix_{name}_{column}", name, [column, "id"])
        for column in unique:
            op.create_index(f"uq_{name}_{column}", name, [column], unique=True)
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("entity_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
    )
    op.create_index("ix_changes_entity", "changes", ["collection", "entity_id"])
