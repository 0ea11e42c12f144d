"""The erasure certificate: what was erased, what stays and why, how deep it went, signed. It names nobody.

It never says just "done". Four levels stand on it, each with what was reached and what is still to come: the live
system, the bytes underneath it, the backups, the recipients.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.dialects.postgresql import insert

from portal.core.clock import utc_now
from portal.core.database import db
from portal.privacy.keys import signing_key
from portal.privacy.models import ErasureCertificate, PrivacyRequest
from portal.privacy.queries import certificate_of, recipients_of, retained_of

BACKUP_DAYS: Final = 35


def issue(
    request: PrivacyRequest, *, map_version: str, counts: Mapping[str, Any], statistics_fresh: bool
) -> ErasureCertificate:
    """Issue the one certificate of a request; a second call finds the first.

    Args:
        request: the request, all of whose subjects are erased and read back.
        map_version: the map the erasure followed.
        counts: per table, the values emptied and the rows kept.
        statistics_fresh: whether the planner's statistics were renewed, which hold samples of values until then.
    """
    now = utc_now()
    body = {
        "request": request.id,
        "merchant": request.merchant_id,
        "law": request.law,
        "received_on": request.received_at.date().isoformat(),
        "issued_at": now.isoformat(timespec="seconds"),
        "map_version": map_version,
        "counts": dict(counts),
        "kept": _kept(request.id),
        "levels": _levels(request.id, now.date(), statistics_fresh=statistics_fresh),
    }
    public = base64.b64encode(signing_key().public_key().public_bytes_raw()).decode()
    signature = base64.b64encode(signing_key().sign(canonical(body))).decode()
    db.session.execute(
        insert(ErasureCertificate)
        .values(
            merchant_id=request.merchant_id,
            request_id=request.id,
            issued_at=now,
            map_version=map_version,
            body=body,
            signature=signature,
            public_key=public,
        )
        .on_conflict_do_nothing()
    )
    issued = certificate_of(request.id)
    assert issued is not None
    return issued


def is_valid(certificate: ErasureCertificate) -> bool:
    """Whether the certificate says what was signed; anyone can check that with the public key on it."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(certificate.public_key))
    try:
        key.verify(base64.b64decode(certificate.signature), canonical(certificate.body))
    except InvalidSignature:
        return False
    return True


def canonical(body: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: the body as JSON with sorted keys and no space."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _kept(request_id: int) -> list[dict[str, Any]]:
    """What stays, by law and end date, with the names of the fields."""
    kept: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for found in retained_of(request_id):
        key = (found.source_table, found.law, found.basis, found.ends_on.isoformat())
        entry = kept.setdefault(
            key,
            {
                "table": found.source_table,
                "law": found.law,
                "basis": found.basis,
                "ends_on": found.ends_on.isoformat(),
                "rows": 0,
                "columns": [],
            },
        )
        entry["rows"] += 1
        entry["columns"] = sorted({*entry["columns"], *found.columns})
    return [kept[key] for key in sorted(kept)]


def _levels(request_id: int, today: dt.date, *, statistics_fresh: bool) -> list[dict[str, Any]]:
    waiting = [task.recipient for task in recipients_of(request_id) if task.state in ("open", "failed")]
    told = len(recipients_of(request_id)) - len(waiting)
    return [
        {
            "level": "live",
            "state": "reached",
            "on": today.isoformat(),
            "statistics": "renewed" if statistics_fresh else "renewed by the nightly upkeep",
        },
        # Freed bytes are overwritten when PostgreSQL reuses their pages; nothing here has looked, so nothing is claimed.
        {"level": "physical", "state": "not_claimed"},
        {"level": "backups", "state": "expected", "on": (today + dt.timedelta(days=BACKUP_DAYS)).isoformat()},
        {
            "level": "third_parties",
            "state": "open" if waiting else "reached",
            "told": told,
            "waiting": waiting,
        },
    ]
