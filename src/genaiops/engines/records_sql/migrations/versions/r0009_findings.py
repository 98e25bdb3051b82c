"""Bias that was found."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "r0009"
down_revision: str | None = "r0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BODY = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

_TABLES: dict[str, tuple[str, ...]] = {  # name: columns with an index
    "findings": ("tenant_id", "state"),
}


def upgrade() -> None:
    for name, indexed in _TABLES.items():
        op.create_table(
            name,
            sa.Column("id", _KEY, primary_key=True),
            *(sa.Column(column, _KEY) for column in indexed),
            sa.Column("body", _BODY, nullable=False),
            sa.Column("updated_us", sa.BigInteger, nullable=False),
        )
        for column in indexed:
            op.create_index(f"ix_{name}_{column}", name, [column, "id"])
