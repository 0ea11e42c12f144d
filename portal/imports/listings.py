"""The list of imports."""

from __future__ import annotations

from flask import url_for

from portal.core.listing import ChoiceFilter, Column, Listing, Sort
from portal.imports.formats import FORMATS
from portal.imports.models import Import, ImportState

_import = Import.__table__.c

IMPORTS = Listing(
    key="imports",
    title="Imports",
    permission="imports.run",
    noun=("import", "imports"),
    source=Import.__table__,
    tenant=_import.merchant_id,
    row_key=_import.id,
    default_sort="-begun",
    columns=[
        Column("filename", "File", _import.filename),
        Column("format", "Kind", _import.format, card=1),
        Column("state", "State", _import.state, kind="state", badge="import", card=2),
        Column(
            "begun",
            "Uploaded",
            _import.created_at,
            kind="time",
            sort=Sort(_import.id, index="import_run_pkey", alone=True),
            card=3,
        ),
        Column("applied", "Applied", _import.applied_at, kind="time"),
    ],
    filters=[
        ChoiceFilter(
            key="state",
            label="State",
            expression=_import.state,
            options=[(state.value, state.value.title()) for state in ImportState],
        ),
        ChoiceFilter(
            key="format",
            label="Kind",
            expression=_import.format,
            options=[(shape.key, shape.title) for shape in FORMATS.values()],
        ),
    ],
    link=lambda row: url_for("imports.show_import", import_id=row["row_key"]),
)
