"""${message}

Old code runs while this does: add, backfill, require, in separate revisions; drop last. No models are imported here.
A new tenant table: migrations/operations.py protect_tenant_table; a big index: CREATE INDEX CONCURRENTLY.

Revision: ${up_revision}, after ${down_revision | comma,n}
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
