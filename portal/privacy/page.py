"""What the page of one request shows, and which acts it offers to whom."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from flask_wtf import FlaskForm

from portal.core import keyring
from portal.core.clock import utc_now
from portal.core.database import db
from portal.core.errors import DomainError, NotFoundError
from portal.core.jobs.models import Job
from portal.privacy import deadlines, queries
from portal.privacy.certificate import is_valid
from portal.privacy.evidence import NOTES, contact_aad, event_aad, merchant_zone, note_aad
from portal.privacy.forms import (
    ExtensionForm,
    IdentityForm,
    NoteForm,
    RecipientForm,
    RecipientStateForm,
    RefusalForm,
)
from portal.privacy.listings import days_left_in_words
from portal.privacy.models import ErasureCertificate, LegalHold, PrivacyRequest, RecipientTask, RetainedRecord
from portal.privacy.states import (
    EXTENSION_LABELS,
    IDENTITY_LABELS,
    KIND_LABELS,
    LABELS,
    MOVES,
    OPEN,
    REFUSAL_LABELS,
)
from portal.privacy.subjects import FoundSubject, describe, related_subjects

ERASED: Final = "Erased with the person."

EVIDENCE: Final = {
    "recorded": ("Request recorded", "inbox"),
    "identity_verified": ("Identity verified", "user-check"),
    "identity_not_needed": ("No identity check is needed for this", "user-check"),
    "scoped": ("Scope set", "users"),
    "previewed": ("Preview made", "eye"),
    "approved": ("Approved by a second person", "shield-check"),
    "started": ("Erasure started", "loader"),
    "erased": ("Erased, read back and certified", "shield-check"),
    "held": ("Stopped by a legal hold", "lock"),
    "released": ("Legal hold lifted", "lock"),
    "refused": ("Refused", "circle-x"),
    "extended": ("Term extended", "calendar"),
    "acknowledged": ("Receipt confirmed to the person", "send"),
    "recipient": ("Recipient", "send"),
    "answered": ("The person was answered", "send"),
    "closed": ("Closed", "check"),
    "carried_out": ("Carried out", "check"),
    "orders_corrected": ("Corrected on orders", "edit"),
    "restriction_lifted": ("Restriction lifted", "lock"),
    "export_started": ("Copy asked for", "download"),
    "copy_made": ("Copy made", "download"),
    "resumed": ("Work resumed", "loader"),
    "copy_downloaded": ("Copy downloaded", "download"),
    "alerted": ("Officers reminded of the deadline", "clock"),
}


class RequestPage:
    """One request as its page needs it; everything is read when the template asks."""

    def __init__(self, request: PrivacyRequest, *, viewer_id: int, forms: dict[str, Any]) -> None:
        self.request = request
        self.viewer_id = viewer_id
        self._forms = forms
        self._zone = merchant_zone()
        self._now = utc_now()

    @cached_property
    def rule(self) -> deadlines.DeadlineRule:
        return deadlines.rule_for(self.request.law, self.request.kind)

    @cached_property
    def scope(self) -> list[int]:
        return queries.scope_of(self.request.id)

    @cached_property
    def people(self) -> list[FoundSubject]:
        return describe(self.scope)

    @cached_property
    def related(self) -> list[FoundSubject]:
        """Others under the same e-mail or phone, while the scope can still change."""
        if self.request.state not in {"verified", "scoped", "held", "previewed"}:
            return []
        return related_subjects(self.request.merchant_id, self.scope)

    @property
    def title(self) -> str:
        return f"{KIND_LABELS[self.request.kind]} request {self.request.id}"

    @property
    def state_label(self) -> str:
        return LABELS[self.request.state]

    @property
    def is_open(self) -> bool:
        return self.request.state in OPEN

    @property
    def days_left(self) -> int:
        return deadlines.days_left(self.request.due_on, self._now, self._zone)

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.request.state != "answered" and self.days_left < 0

    @property
    def left_in_words(self) -> str:
        return days_left_in_words(self.days_left)

    @property
    def percent_used(self) -> int:
        return min(
            100, deadlines.percent_used(self.request.received_at, self.request.due_on, self._now, self._zone)
        )

    @property
    def work_by(self) -> dt.date:
        return deadlines.work_by(self.request.due_on)

    @property
    def received_on(self) -> dt.date:
        return deadlines.day_of_receipt(self.request.received_at, self._zone)

    @property
    def acknowledge_by(self) -> dt.date | None:
        return deadlines.acknowledge_by(self.rule, self.received_on)

    @property
    def can_extend(self) -> bool:
        today = self._now.astimezone(self._zone).date()
        return (
            self.is_open
            and self.request.extended_at is None
            and deadlines.can_still_extend(self.rule, self.received_on, today)
        )

    @property
    def law(self) -> str:
        return self.rule.source

    @property
    def identity(self) -> str:
        if self.request.identity_state == "not_needed":
            return "Not needed"
        return IDENTITY_LABELS.get(self.request.identity_method or "", "Not yet")

    @property
    def refusal(self) -> str | None:
        return REFUSAL_LABELS.get(self.request.refusal_ground or "")

    @property
    def extension(self) -> str | None:
        return EXTENSION_LABELS.get(self.request.extension_ground or "")

    @cached_property
    def contact(self) -> str | None:
        return self._opened(self.request.contact_sealed, contact_aad(self.request.id))

    @property
    def keeps_contact(self) -> bool:
        """Whether the address to answer to outlived the person's key, restricted, until the request is closed."""
        return any(record.source_table == "privacy_request" and record.sealed for record in self.retained)

    @cached_property
    def note(self) -> str | None:
        return self._opened(self.request.note_sealed, note_aad(self.request.id))

    @cached_property
    def holds(self) -> list[LegalHold]:
        return queries.active_holds(self.scope)

    @cached_property
    def recipients(self) -> list[RecipientTask]:
        return queries.recipients_of(self.request.id)

    @cached_property
    def recipients_waiting(self) -> int:
        return sum(task.state in ("open", "failed") for task in self.recipients)

    @cached_property
    def certificate(self) -> ErasureCertificate | None:
        return queries.certificate_of(self.request.id)

    @property
    def certificate_is_valid(self) -> bool:
        return self.certificate is not None and is_valid(self.certificate)

    @cached_property
    def retained(self) -> list[RetainedRecord]:
        return queries.retained_of(self.request.id)

    @cached_property
    def job(self) -> Job | None:
        if self.request.job_id is None:
            return None
        return db.session.scalar(sa.select(Job).where(Job.id == self.request.job_id))

    @property
    def is_working(self) -> bool:
        """Whether a worker is at it, so that the page asks again by itself."""
        return self.request.state in {"approved", "running"} and self.job is not None and self.job.is_active

    @property
    def is_stranded(self) -> bool:
        """Whether an erasure is under way and no worker will go on with it."""
        return (
            self.request.state in {"approved", "running"}
            and self.request.kind == "erasure"
            and not (self.job and self.job.is_active)
        )

    @cached_property
    def is_restricted(self) -> bool:
        """Whether the use of anybody's data in scope is restricted."""
        return queries.is_any_restricted(self.scope)

    @property
    def has_copy(self) -> bool:
        """Whether the copy of an access request can still be fetched."""
        try:
            queries.copy_of(self.request)
        except NotFoundError:
            return False
        return True

    @property
    def may_approve(self) -> bool:
        """Whether the viewer is the second person."""
        return self.request.state == "previewed" and self.request.requester_id != self.viewer_id

    def may(self, state: str) -> bool:
        """Whether the request can go to *state* from where it is."""
        return state in MOVES[self.request.state]

    def form(self, name: str) -> FlaskForm:
        """The form of an act, with what was typed when it came back with an error."""
        kinds: dict[str, type[FlaskForm]] = {
            "identity": IdentityForm,
            "refusal": RefusalForm,
            "extension": ExtensionForm,
            "fulfilment": NoteForm,
            "answer": NoteForm,
            "lifting": NoteForm,
            "recipient": RecipientForm,
            "recipient_state": RecipientStateForm,
        }
        form: FlaskForm = self._forms.get(name) or kinds[name](formdata=None)
        for each in form:
            # Several forms of this page have a field of the same name, and an id stands once on a page.
            if not each.id.startswith(f"{name}-"):
                each.id = each.label.field_id = f"{name}-{each.name}"
        return form

    @cached_property
    def names(self) -> dict[int, str]:
        users = [self.request.requester_id, self.request.approver_id, self.request.identity_by]
        users += [event.actor_id for event in self._events if event.actor_kind == "user"]
        users += [hold.owner_id for hold in self.holds]
        return queries.user_names(users)

    @cached_property
    def _events(self) -> list[Any]:
        return queries.events_of(self.request.id)

    @cached_property
    def timeline(self) -> list[dict[str, Any]]:
        """The evidence, newest first."""
        entries = []
        for event in reversed(self._events):
            text, drawing = EVIDENCE.get(
                event.action, (event.action.replace("_", " ").capitalize(), "history")
            )
            who = self.names.get(event.actor_id, "User") if event.actor_kind == "user" else "The portal"
            notes = [
                self._fact(event.action, event.facts),
                self._opened(event.note_sealed, event_aad(event.id)),
                "A note stands under Kept by law." if event.id in self._notes_kept_apart else None,
            ]
            entries.append(
                {
                    "at": event.at,
                    "text": text,
                    "icon": drawing,
                    "who": who,
                    "detail": " – ".join(n for n in notes if n) or None,
                }
            )
        return entries

    @cached_property
    def _notes_kept_apart(self) -> set[int]:
        return {record.source_key["id"] for record in self.retained if record.source_table == NOTES}

    @staticmethod
    def _fact(action: str, facts: dict[str, Any]) -> str | None:
        match action:
            case "identity_verified":
                return IDENTITY_LABELS.get(facts.get("method", ""))
            case "refused":
                return REFUSAL_LABELS.get(facts.get("ground", ""))
            case "previewed":
                return f"{facts['values']:,} values go, {facts['kept_rows']:,} rows stay restricted."
            case "erased":
                return f"{facts['values']:,} values in {facts['rows']:,} rows."
            case "recipient":
                return f"{facts['recipient']}: {facts['state'].replace('_', ' ')}."
            case "alerted":
                return f"{facts['percent']} % of the time is used."
            case "orders_corrected":
                return (
                    f"{facts['orders']:,} {'order' if facts['orders'] == 1 else 'orders'}: {facts['fields']}."
                )
            case "scoped":
                return f"{facts['subjects']} in scope."
            case "copy_made" if facts.get("unreadable"):
                return f"{facts['unreadable']} values could not be opened; the copy lists them as incomplete."
        return None

    def _opened(self, sealed: bytes | None, aad: str) -> str | None:
        if sealed is None:
            return None
        try:
            return keyring.decrypt(sealed, aad, self.request.subject_id).decode()
        except keyring.KeyDestroyedError:
            return ERASED
        except (DomainError, keyring.DecryptionError):
            return "This cannot be opened right now."
