"""Links that went out by mail, and pages without what differs on every answer."""

from __future__ import annotations

import re

import sqlalchemy as sa
from flask import Flask

from portal.core.database import db, platform_scope
from portal.core.mail import Message, read_letter


def letters_about(app: Flask, kind: str, identifier: int) -> list[str]:
    """The texts of the platform's messages about one thing, oldest first."""
    with app.app_context(), platform_scope():
        found = db.session.scalars(
            sa.select(Message)
            .where(Message.about_kind == kind, Message.about_id == str(identifier))
            .order_by(Message.id)
        )
        return [letter.text for message in found if (letter := read_letter(message))]


def link_in(text: str) -> str:
    """The path of the first link in a letter."""
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found
    return found[1]


def without_tokens(page: str) -> str:
    """The page without nonces and form tokens."""
    return re.sub(r'(nonce="|X-CSRFToken": "|name="csrf_token" (?:type="hidden" )?value=")[^"]*"', "", page)
