"""What people of a merchant should know when they come in: a demo says what is invented, an operator announces upkeep."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response

from portal.accounts.access import requires
from portal.accounts.models import Merchant
from portal.core.database import current_merchant_id, db
from portal.core.http import render_region

NOTICE: Final = "notice"

notices = Blueprint("notices", __name__)


@notices.get("/operations/notice")
@requires(passive=True)
def home_notice() -> Response:
    """The notice in the merchant's settings (title and text), or an empty region."""
    merchant = db.session.get_one(Merchant, current_merchant_id())
    return render_region("operations/_notice.html", title="Notice", notice=merchant.settings.get(NOTICE))
