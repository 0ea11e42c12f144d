"""Write the baseline revision anew from the models, for as long as there is no release (docs/decisions/one-baseline.md).

``make baseline`` runs it against an empty database. What the models cannot say (grants of the schema, functions,
the first partitions) stands around the tables in the revision and is kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from portal import create_app
from portal.core.database import Base

REVISION: Final = Path(__file__).parent / "versions" / "0001_baseline.py"
BEFORE: Final = '    op.execute("GRANT USAGE ON SEQUENCE id_sequence TO portal_app")\n'
AFTER: Final = "    # ### end Alembic commands ###"


def main() -> None:
    """Replace the tables and the lists of the revision."""
    create_app()
    text = REVISION.read_text(encoding="utf-8")
    head, rest = text.split(BEFORE)
    _, tail = rest.split(AFTER)
    for name, tables in _lists().items():
        entries = "".join(f'    "{table}",\n' for table in sorted(tables))
        head = re.sub(rf"^{name} = \(.*?\)$", f"{name} = (\n{entries})", head, flags=re.M | re.S)
    REVISION.write_text(head + BEFORE + _tables() + AFTER + tail, encoding="utf-8")
    subprocess.run(
        [str(Path(sys.executable).parent / "ruff"), "format", "--quiet", str(REVISION)], check=True
    )


def _lists() -> dict[str, list[str]]:
    models = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    append_only = [name for name, model in models.items() if getattr(model, "__append_only__", False)]
    shared = [name for name, model in models.items() if model.__kind__ == "shared"]
    return {
        "TENANT": [name for name, model in models.items() if model.__kind__ == "tenant"],
        "APPEND_ONLY": append_only,
        "SHARED": shared,
        "READ_AND_WRITTEN": [name for name in models if name not in {*append_only, *shared}],
    }


def _tables() -> str:
    engine = sa.create_engine(os.environ["OWNER_DATABASE_URL"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        operations = produce_migrations(context, Base.metadata).upgrade_ops
        assert operations is not None
        code = render_python_code(operations, migration_context=context)
    body = "\n".join(
        f"    {line}" if line and not line.startswith("    ") else line for line in code.splitlines()
    )
    return re.sub(r"^.*###.*$\n?", "", body, flags=re.M).replace("portal.core.commit_order.Xid8", "Xid8")


if __name__ == "__main__":
    main()
