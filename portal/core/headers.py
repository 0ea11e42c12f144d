"""What every answer tells the browser about trust: content policy, framing, caching, transport."""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Final

import structlog
from flask import Flask, Response, g, request

from portal.config import Settings
from portal.core.http import can, send_toasts

CDN: Final = "https://cdn.jsdelivr.net"
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
STATIC_ENDPOINTS: Final = frozenset({"static"})
FIXED_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: the check against forged requests reads the Referer on https.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def init_headers(app: Flask, settings: Settings) -> None:
    """Number every request and put the headers on every answer."""
    scripts = f"'self' {CDN}" if settings.htmx_cdn else "'self'"

    @app.before_request
    def number_request() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id())

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in FIXED_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", content_policy(scripts))
        if settings.is_https:
            response.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        if request.endpoint not in STATIC_ENDPOINTS and not g.get("is_cacheable"):
            response.headers["Cache-Control"] = "no-store"
        response.headers["X-Request-ID"] = request_id()
        return send_toasts(response)

    app.jinja_env.globals.update(csp_nonce=csp_nonce, can=can, request_id=request_id)


def content_policy(scripts: str) -> str:
    """The content security policy; it names a nonce only when a template asked for one."""
    nonce = f" 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
    return (
        f"default-src 'self'; script-src {scripts}{nonce}; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def csp_nonce() -> str:
    """The nonce of this answer, made when first asked for: a refusal may come before any hook of ours has run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def request_id() -> str:
    """The number of this request: the proxy's when it sent a decent one, else our own."""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    number: str = g.request_id
    return number
