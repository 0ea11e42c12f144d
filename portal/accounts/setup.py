"""Hang accounts into the app: the request hooks, what every page shows of the person, screens, commands."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, request, url_for

from portal.accounts.access import ask_to_sign_in, guard_request
from portal.accounts.api_access import is_api, load_caller, send_allowance
from portal.accounts.commands import register_commands
from portal.accounts.identity import Anonymous, Identity
from portal.accounts.sessions import begin_request, identity_of, leave_scope, load_identity
from portal.accounts.views import api_keys, bp, merchant, person, roles, sign_in, users  # noqa: F401 - views register themselves
from portal.core.navigation import register_nav
from portal.extensions import login_manager


def set_up(app: Flask) -> None:
    """Register hooks in the order in which a request meets them."""
    login_manager.request_loader(identity_of)
    login_manager.user_loader(lambda _user_id: None)
    login_manager.anonymous_user = Anonymous
    login_manager.unauthorized_handler(ask_to_sign_in)
    app.before_request(load_requester)
    app.before_request(guard_request)
    app.after_request(send_allowance)
    app.teardown_request(leave_scope)
    app.context_processor(page_context)
    app.register_blueprint(bp)
    register_nav("settings", "Settings", "accounts.merchant_settings", "settings", "settings.view", 900)
    register_nav("settings", "Users", "accounts.users", "users", "users.view", 910)
    register_nav("settings", "Roles", "accounts.roles", "shield", "users.view", 920)
    register_nav("settings", "API keys", "accounts.api_keys", "key", "settings.view", 960)
    register_commands(app)


def load_requester() -> None:
    """Find who is asking: a person by their session, a program by its key. Below ``/api/`` no cookie counts."""
    begin_request()
    if is_api():
        load_caller()
    else:
        load_identity()


def page_context() -> dict[str, Any]:
    """What the frame of every page shows of the person: nothing of it asks the database."""
    identity: Identity | None = g.get("identity")
    if identity is None:
        return {
            "merchant": None,
            "merchants": [],
            "person": None,
            "sign_out_url": None,
            "preferences_url": None,
        }
    here = identity.merchant.id if identity.merchant else None
    return {
        "merchant": identity.merchant,
        "merchants": [
            {
                "name": desk["name"],
                "url": url_for("accounts.select_merchant", merchant_id=desk["id"]),
                "current": desk["id"] == here,
            }
            for desk in identity.desks
        ],
        "person": {
            "name": identity.name,
            "email": identity.email,
            "profile_url": url_for("accounts.profile"),
        },
        "sign_out_url": url_for("accounts.sign_out"),
        "preferences_url": url_for("accounts.preferences"),
        "theme": request.cookies.get("theme", identity.theme),
    }
