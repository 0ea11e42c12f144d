"""A real browser against a running server, and what every page it opens must hold: no error, no CSP violation, axe content."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, session
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import make_server

from deploy.local.packages import chromium_binary
from portal.accounts.sessions import MERCHANT, TOKEN, begin_session
from portal.app import create_app
from portal.core.database import db
from tests.support.apps import PATIENCE_SECONDS, be_patient
from tests.support.databases import ROOT, MadeDatabase, settings_for
from tests.support.people import Person

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = ROOT / "static" / "vendor"

# What is expected is waited for; five seconds are few for a server and a browser on a machine that does other work.
expect.set_options(timeout=PATIENCE_SECONDS * 1_000)


@pytest.fixture(scope="session")
def live_app(
    database: MadeDatabase, servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The portal as browsers meet it, with CSRF tokens and all."""
    folder = tmp_path_factory.getbasetemp() / "files"
    folder.mkdir(exist_ok=True)
    app = create_app(settings_for(database, servers[1], folder))
    app.config.update(TESTING=True)
    be_patient(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def live_server(live_app: Flask) -> Iterator[str]:
    """The address of a running portal."""
    server = make_server("127.0.0.1", 0, live_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium per test process."""
    chromium = chromium_binary()
    assert chromium, "Chromium is missing: make test installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_browser(live_app: Flask, live_server: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """``open_browser(person, color_scheme="dark", java_script_enabled=False, viewport=…)`` gives a page of a fresh browser.

    At the end of the test every page must have been free of script errors and CSP violations.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def opened(person: Person | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server, **options)
        contexts.append(context)
        if person is not None:
            context.add_cookies([_signed_in(live_app, live_server, person)])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: faults.append(f"{page.url}: {message.text}") if _is_fault(message) else None,
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, "\n".join(faults)


def axe_findings(page: Page) -> list[str]:
    """What axe-core has against the page, one line each."""
    source = next(AXE.glob("axe-*.min.js")).read_text(encoding="utf-8")
    page.evaluate(source)
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']} ({found['impact']}): {found['help']} at {node['target']}"
        for found in result["violations"]
        for node in found["nodes"][:3]
    ]


def _is_fault(message: Any) -> bool:
    return message.type == "error" and (
        "Content Security Policy" in message.text or "Uncaught" in message.text
    )


def _signed_in(app: Flask, address: str, person: Person) -> Any:
    with app.test_request_context("/"):
        begin_session(person.user_id, person.merchant_id)
        token = session[TOKEN]
        db.session.commit()
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return {
        "name": app.config["SESSION_COOKIE_NAME"],
        "value": serializer.dumps({TOKEN: token, MERCHANT: person.merchant_id}),
        "url": address,
    }
