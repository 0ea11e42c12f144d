"""The timeline of an order in words: what its events and notes say to the person who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from portal.accounts.models import User
from portal.core import formats
from portal.core.database import db
from portal.core.masking import mask
from portal.orders.changes.reasons import KIND_WORDS, REJECTIONS, reason_words
from portal.orders.holds import RULE_WORDS
from portal.orders.queries import History

WORDS: Final = {
    "placed": ("Order placed", "shopping-cart"), "imported": ("Order imported", "upload"), "held": ("Put on hold", "player-pause"),
    "hold_changed": ("Still on hold", "player-pause"), "released": ("Released from hold", "player-play"),
    "shipped": ("Parcel sent", "truck-delivery"), "delivered": ("Parcel delivered", "package"), "fulfilled": ("All sent", "truck-delivery"),
    "invoiced": ("Invoice issued", "file-text"), "credit_noted": ("Credit note issued", "receipt-refund"),
    "paid": ("Payment received", "credit-card"), "refunded": ("Money given back", "receipt-refund"), "cancelled": ("Order cancelled", "ban"),
    "reopened": ("Order reopened", "refresh"), "changed": ("Order changed", "edit"),
    "refund_waits": ("A refund waits for a second person", "hourglass"), "refund_refused": ("A refund was not agreed to", "ban"),
    "refund_agreed": ("A refund was agreed to", "circle-check"),
    "return_requested": ("Return requested", "truck-return"), "return_approved": ("Return approved", "truck-return"),
    "return_sent": ("Return on its way", "truck-return"), "return_received": ("Return arrived", "inbox"),
    "return_inspected": ("Return inspected", "search"), "return_settled": ("Return settled", "receipt-refund"),
    "return_rejected": ("Return rejected", "ban"),
    "parcel_planned": ("Units set apart for a parcel", "package"), "parcel_undone": ("Parcel undone", "package-off"), "packed": ("Parcel packed", "package"),
    "tracking_corrected": ("Tracking corrected", "edit"), "ready": ("Ready to collect", "building-store"),
    "collected": ("Collected by the buyer", "building-store"), "uncollected": ("Not collected", "clock"),
    "collection_extended": ("Kept longer for collection", "calendar"), "handed_over": ("Handed over", "building-store"),
    "combined": ("Travels with other orders", "link"), "combination_undone": ("Travels alone again", "link"),
    "delivery_changed": ("Another way to the buyer", "truck-delivery"), "label_made": ("Label printed", "file-text"), "label_voided": ("Label voided", "ban"), "address_corrected": ("Address corrected", "edit"),
    "assigned": ("Given to a person", "user-circle"), "allocated": ("Units promised", "package"), "promise_moved": ("Promised at another place", "package"),
    "short": ("Units are missing", "alert-triangle"), "short_settled": ("Missing units settled", "circle-check"),
    "short_told": ("Customer told of missing units", "mail"), "pick_short": ("Not found while picking", "alert-triangle"),
    "refund_not_proposed": ("A refund could not be proposed", "alert-triangle"),
    "authorised": ("Payment authorised", "credit-card"), "payment_released": ("Authorisation given back", "credit-card"),
    "payment_failed": ("Payment failed", "alert-triangle"), "capture_failed": ("Money could not be taken", "alert-triangle"),
    "refund_failed": ("Money could not be given back", "alert-triangle"), "void_failed": ("Payment could not be let go", "alert-triangle"),
    "link_made": ("Payment link made", "link"), "link_withdrawn": ("Payment link withdrawn", "ban"),
    "dispute_opened": ("The buyer disputes a payment", "alert-triangle"), "dispute_answered": ("Dispute answered", "file-text"),
    "dispute_won": ("Dispute won", "circle-check"), "dispute_lost": ("Dispute lost", "ban"),
}  # fmt: skip
DELIVERY: Final = {"ship": "to be sent", "collect": "collected at", "hand_over": "taken at once from"}
FIELD_WORDS: Final = {
    "line1": "street", "line2": "second line", "country_code": "country", "email": "e-mail",
}  # fmt: skip
WHO: Final = {"job": "a job", "system": "the portal", "channel": "the channel"}


def entries_of(history: History, *, is_shown: bool) -> list[dict[str, Any]]:
    """Events and notes as the timeline macro takes them, newest first.

    A note may name people, so its words are for those who see the person of the order.
    """
    events, notes = history.events, history.notes
    people = {row["actor_id"] for row in (*events, *notes) if row["actor_kind"] == "user" and row["actor_id"]}
    names = _names(people | {int(to) for row in events if (to := row["data"].get("to"))})
    entries = [_event(row, names) for row in events] + [_note(row, names, is_shown) for row in notes]
    return sorted(entries, key=lambda entry: entry["at"], reverse=True)


def _event(row: sa.RowMapping, names: Mapping[int, str]) -> dict[str, Any]:
    words, icon = WORDS.get(row["kind"], (row["kind"].replace("_", " ").capitalize(), "history"))
    return {
        "at": row["at"],
        "text": words,
        "icon": icon,
        "who": _who(row, names),
        "detail": _detail(row["kind"], row["data"], names),
    }


def _note(row: sa.RowMapping, names: Mapping[int, str], is_shown: bool) -> dict[str, Any]:
    text = "Note for the team" if row["is_internal"] else "Note for the customer"
    return {
        "at": row["at"],
        "text": text,
        "icon": "note",
        "who": _who(row, names),
        "detail": row["body"] if is_shown else mask(row["body"], "free_text"),
    }


def _detail(kind: str, data: Mapping[str, Any], names: Mapping[int, str]) -> str | None:
    parts = []
    if kind == "assigned":
        parts.append(names.get(int(data["to"]), "a former user") if data.get("to") else "to nobody")
    if kind == "delivery_changed":
        parts.append(f"{DELIVERY[data['way']]} {data.get('place') or ''}".strip())
    if data.get("parcel"):
        parts.append(f"parcel {data['parcel']}")
    if kind == "address_corrected" and data.get("fields"):
        parts.append(", ".join(FIELD_WORDS.get(name, name) for name in str(data["fields"]).split(", ")))
    if data.get("change") in KIND_WORDS:
        parts.append(
            f"{KIND_WORDS[data['change']]}: {reason_words(data['change'], data.get('reason')).lower()}"
        )
    amount, currency = data.get("amount") or data.get("total"), data.get("currency")
    if amount and currency:
        parts.append(formats.money(amount, currency))
    if data.get("number"):
        parts.append(str(data["number"]))
    if data.get("units"):
        parts.append(formats.plural(int(data["units"]), "unit", "units"))
    if data.get("sku"):
        parts.append(str(data["sku"]))
    if data.get("way_out"):
        parts.append(str(data["way_out"]).replace("_", " "))
    if data.get("rejection") in REJECTIONS:
        parts.append(REJECTIONS[data["rejection"]])
    if data.get("mail"):
        parts.append("the buyer is written to")
    if data.get("hold_reason"):
        parts.append(str(data["hold_reason"]))
    if data.get("rule") in RULE_WORDS and data["rule"] != "by_hand":
        parts.append(RULE_WORDS[data["rule"]])
    if data.get("days"):
        parts.append(formats.plural(int(data["days"]), "day", "days") + " longer")
    return ", ".join(parts) or None


def _who(row: sa.RowMapping, names: Mapping[int, str]) -> str:
    if row["actor_kind"] == "user":
        return names.get(row["actor_id"] or 0, "a former user")
    return WHO.get(row["actor_kind"], str(row["actor_kind"]))


def _names(user_ids: set[int]) -> dict[int, str]:
    if not user_ids:
        return {}
    return {
        row.id: row.name
        for row in db.session.execute(sa.select(User.id, User.name).where(User.id.in_(user_ids)))
    }
