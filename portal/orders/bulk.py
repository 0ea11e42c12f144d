"""One act on many orders, as a job: the set is frozen first, each order has its own result and its own transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.jobs import JobRun, job
from portal.core.selected import frozen, let_go
from portal.orders.assigning import assign_order
from portal.orders.book import lock_order
from portal.orders.causes import order_rows
from portal.orders.fulfilment.parcels import ship_lines
from portal.orders.fulfilment.placing import sending_places
from portal.orders.holds import hold_order, release_order
from portal.orders.listings import ORDERS
from portal.orders.tags import add_tag

ACTS: Final = {
    "hold": "Put on hold",
    "release": "Release from hold",
    "send": "Mark as sent",
    "assign": "Assign to a person",
    "tag": "Add a tag",
}
BATCH: Final = 25

Words = Mapping[str, Any]


@job("orders.bulk", title="Change orders", permission="orders.edit", retries_rows=True, row_names=order_rows)
def change_orders(run: JobRun) -> None:
    """Do the act to every chosen order, from where the job stopped last; one that refuses says why and stops no other.

    The orders say that the person who started the job did it.
    """
    act = str(run.args["act"])
    work, keys = _WORK[act], frozen(run, ORDERS)
    done = int(run.state.get("done", 0))
    run.progress(done, len(keys), ACTS[act])
    for key in keys[done:]:
        try:
            with db.session.begin_nested():
                words = work(key, run.args, run.by)
            run.item(key, True, words)
        except DomainError as error:
            run.item(key, False, error.message)
        done += 1
        if done % BATCH == 0:
            run.checkpoint({**run.state, "done": done})
            run.commit(done=done)
    let_go(run)
    run.commit(done=done)


def act_words(act: str, value: str) -> list[str]:
    """What an act will do to each order, in sentences; *value* as a person reads it."""
    return {
        "hold": [
            f"Each waits until someone releases it. Reason: {value}.",
            "What is promised to it stays promised; nothing of it can be sent meanwhile.",
        ],
        "release": ["Each goes on, unless units are short; then it stays on hold and says which."],
        "send": [
            f"All that is promised leaves now{f' with {value}' if value else ''}, a parcel from each place.",
            "The stock goes down, and the buyers are told as your settings say.",
            "A parcel that has left cannot be called back in bulk.",
        ],
        "assign": [f"{value or 'Nobody'} looks after each of them from now on."],
        "tag": [f"Each gets the tag “{value}”. An order that has it already is left alone."],
    }[act]


def _hold(order_id: int, args: Words, by: Actor) -> str:
    hold_order(order_id, str(args["value"]), by=by)
    return "On hold"


def _release(order_id: int, args: Words, by: Actor) -> str:
    short = release_order(order_id, by=by)
    if short:
        raise DomainError(f"It still waits: not enough stock of {', '.join(short[:5])}.")
    return "Goes on"


def _send(order_id: int, args: Words, by: Actor) -> str:
    """All that is promised and waits in no parcel leaves, a parcel from each place."""
    if lock_order(order_id)["delivery"] != "ship":
        raise DomainError("The buyer collects it. Make it ready on its own page.")
    sent = 0
    seen: set[int] = set()
    for place in sending_places(order_id):
        units = {
            line.n: min(line.left, line.promised)
            for line in place.lines
            if line.promised and line.n not in seen
        }
        if place.id is not None:
            seen |= {line.n for line in place.lines if line.promised >= line.left}
        if any(units.values()):
            ship_lines(
                order_id, units, carrier=str(args.get("value") or "") or None, tracking_number=None, location_id=place.id, by=by
            )  # fmt: skip
            sent += 1
    if not sent:
        raise DomainError("Nothing of it can leave now.")
    return f"Sent in {sent} parcels" if sent > 1 else "Sent"


def _assign(order_id: int, args: Words, by: Actor) -> str:
    user_id = int(args["value"]) if args.get("value") else None
    return "Assigned" if assign_order(order_id, user_id, by=by) else "Was so already"


def _tag(order_id: int, args: Words, by: Actor) -> str:
    return "Tagged" if add_tag(order_id, str(args["value"]), by=by) else "Had the tag already"


_WORK: Final[dict[str, Callable[[int, Words, Actor], str]]] = {
    "hold": _hold,
    "release": _release,
    "send": _send,
    "assign": _assign,
    "tag": _tag,
}
