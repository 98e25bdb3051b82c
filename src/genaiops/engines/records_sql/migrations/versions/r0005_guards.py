"""Keys can be found by the guard policy that they name."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "r0005"
down_revision: str | None = "r0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("keys", sa.Column("guard", sa.Text().with_variant(sa.Text(collation="C"), "postgresql")))
    op.create_index("ix_keys_guard", "keys", ["guard", "id"])
