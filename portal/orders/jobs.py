"""Bulk actions on orders, as jobs: the set is frozen first, each row has its own result."""

from __future__ import annotations

from collections.abc import Iterator

from portal.core.audit import Actor
from portal.core.database import db
from portal.core.errors import DomainError
from portal.core.jobs import JobRun, job
from portal.core.listing import frozen_keys
from portal.orders.listings import ORDERS
from portal.orders.services import add_tag


@job("orders.tag", title="Tag orders", permission="orders.edit")
def tag_orders(run: JobRun) -> None:
    """Tag every chosen order; one that has the tag already is left alone."""
    done = int(run.state.get("done", 0))
    by = Actor(kind="job", id=run.id, name="Tag orders")
    keys = run.state.get("keys") or list(_chosen(run))
    run.checkpoint({"keys": keys, "done": done})
    run.progress(done, len(keys), "Tagging")
    for key in keys[done:]:
        try:
            with db.session.begin_nested():
                new = add_tag(key, str(run.args["tag"]), by=by)
            run.item(key, True, "Tagged" if new else "Had the tag already")
        except DomainError as error:
            run.item(key, False, error.message)
        done += 1
        if done % 100 == 0:
            run.checkpoint({"keys": keys, "done": done})
            run.commit(done=done)
    run.checkpoint({"keys": keys, "done": done})
    run.commit(done=done)


def _chosen(run: JobRun) -> Iterator[int]:
    if run.args.get("state"):
        for batch in frozen_keys(ORDERS, run.args["state"]):
            yield from batch
    else:
        yield from run.args["keys"]
