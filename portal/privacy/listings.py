"""The list of requests, by the days that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for

from portal.core.clock import utc_now
from portal.core.formats import plural
from portal.core.listing import ChoiceFilter, Column, DateFilter, FlagFilter, Listing, Sort
from portal.privacy import deadlines
from portal.privacy.evidence import merchant_zone
from portal.privacy.models import PrivacyRequest
from portal.privacy.states import KIND_LABELS, LABELS, LAW_LABELS, OPEN

_request = PrivacyRequest.__table__.c


def time_left(row: Mapping[str, Any]) -> str:
    """How many days a request still has, in words; nothing for one that is over."""
    if row["state_now"] not in OPEN:
        return "–"
    return days_left_in_words(deadlines.days_left(row["due_on"], utc_now(), merchant_zone()))


def days_left_in_words(days: int) -> str:
    """``"3 days left"``, ``"due today"``, ``"2 days overdue"``."""
    if days < 0:
        return f"{plural(-days, 'day', 'days')} overdue"
    return f"{plural(days, 'day', 'days')} left" if days else "due today"


REQUESTS = Listing(
    key="privacy_requests",
    title="Privacy requests",
    permission="privacy.view",
    noun=("request", "requests"),
    source=PrivacyRequest.__table__,
    tenant=_request.merchant_id,
    row_key=_request.id,
    default_sort="due",
    hidden={"due_on": _request.due_on, "state_now": _request.state},
    columns=[
        Column("number", "Request", _request.id, kind="code"),
        Column("left", "Time left", text=time_left, card=1),
        Column(
            "due",
            "Due",
            _request.due_on,
            kind="day",
            sort=Sort(_request.due_on, index="privacy_request_merchant_id_due_on_id_idx"),
        ),
        Column("state", "State", _request.state, kind="state", badge="request", card=2),
        Column("kind", "Asks for", _request.kind, text=lambda row: KIND_LABELS[row["kind"]], card=3),
        Column("law", "Law", _request.law, text=lambda row: LAW_LABELS[row["law"]]),
        Column("received", "Received", _request.received_at, kind="time"),
    ],
    filters=[
        FlagFilter(key="open", label="Open", expression=_request.state.in_(sorted(OPEN))),
        ChoiceFilter(
            key="state",
            label="State",
            expression=_request.state,
            options=list(LABELS.items()),
            index="privacy_request_merchant_id_state_due_on_id_idx",
        ),
        ChoiceFilter(
            key="kind", label="Asks for", expression=_request.kind, options=list(KIND_LABELS.items())
        ),
        ChoiceFilter(key="law", label="Law", expression=_request.law, options=list(LAW_LABELS.items())),
        DateFilter(
            key="due",
            label="Due",
            expression=_request.due_on,
            of="date",
            index="privacy_request_merchant_id_due_on_id_idx",
        ),
    ],
    link=lambda row: url_for("privacy.request_page", request_id=row["row_key"]),
    empty=(
        "Requests of people about their data stand here, those due first.",
        "privacy.new_request",
        "Record a request",
    ),
)
