"""Every component on one page, in a small application of its own: what the tests of the look render and photograph.

python -m tests.look.gallery 5099      shows it at http://127.0.0.1:5099/
"""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from flask import Flask, Response, g, render_template
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from wtforms import (
    BooleanField,
    DecimalField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired

from portal.core.assets import init_assets
from portal.core.charts import init_charts
from portal.core.formats import Region, init_formats
from portal.paths import ROOT, STATIC, TEMPLATES

LONG_NAME = (
    "Bartholomäus Maximilian Freiherr von und zu Hohenstein-Schwarzenburg, Nachfolger & Söhne Grosshandelsgesellschaft "
    * 2
)
NOW = dt.datetime(2026, 11, 20, 14, 5, 33, tzinfo=dt.UTC)
POLICY = (
    "default-src 'self'; script-src 'self' https://cdn.jsdelivr.net 'nonce-gallery'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class ProductForm(FlaskForm):
    """A form with one field of each kind, some of them wrong."""

    title = StringField("Title", validators=[InputRequired("Give the product a title.")])
    price = DecimalField("Price", validators=[InputRequired("Give a price.")])
    weight = DecimalField("Weight")
    status = SelectField("Status", choices=[SelectChoice("draft", "Draft"), SelectChoice("active", "Active")])
    description = TextAreaField("Description")
    tracked = BooleanField("Count the stock of this product")
    policy = RadioField(
        "When it is sold out",
        choices=[SelectChoice("stop", "Stop selling"), SelectChoice("go", "Keep selling and order more")],
    )


def make_gallery(*, cdn: bool = False) -> Flask:
    """An application with the real layouts, macros, filters and files, and nothing behind them."""
    app = Flask(
        "gallery", template_folder=str(TEMPLATES), static_folder=str(STATIC), static_url_path="/static"
    )
    app.config.update(SECRET_KEY="gallery", SETTINGS=SimpleNamespace(environment="test", htmx_cdn=cdn))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_loader = ChoiceLoader(
        [FileSystemLoader(str(TEMPLATES)), FileSystemLoader(str(ROOT / "tests" / "look"))]
    )
    app.jinja_env.globals.update(csp_nonce=lambda: "gallery", slot=_slot, can=lambda permission: True)
    CSRFProtect(app)
    init_assets(app)
    init_formats(app)
    init_charts(app)
    app.before_request(_set_region)
    app.after_request(_set_policy)
    app.context_processor(lambda: FRAME)
    app.add_url_rule("/", "gallery", _gallery)
    app.add_url_rule(
        "/public",
        "public",
        lambda: render_template(
            "errors/problem.html", navigation=[], message="This link has expired.", status=404
        ),
    )
    app.add_url_rule(
        "/error/<int:status>",
        "error",
        lambda status: render_template(f"errors/{status}.html", request_id="01JD9Q"),
    )
    return app


def _gallery() -> str:
    form = ProductForm(
        meta={"csrf": False}, data={"title": LONG_NAME, "price": None, "status": "active", "policy": "stop"}
    )
    form.title.errors = ["A title may have 200 letters, this one has 228."]
    form.price.errors = ["Give a price."]
    return render_template("gallery.html", form=form, now=NOW, long_name=LONG_NAME, **_figures())


def _figures() -> dict[str, Any]:
    days = [NOW.date() - dt.timedelta(days=27 - i) for i in range(28)]
    revenue = [Decimal(1800 + (i * 379) % 1400 + i * 40) + Decimal("0.5") for i in range(28)]
    before = [Decimal(1500 + (i * 521) % 1300 + i * 22) for i in range(28)]
    return {"days": days, "revenue": revenue, "before": before}


def _slot(name: str, **ids: Any) -> Markup:
    return Markup(
        '<a class="btn btn-icon btn-quiet" href="/jobs" aria-label="1 job in progress">'
        '<svg class="ring" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true"><circle class="ring-track" cx="11" cy="11" r="8.5"/>'
        '<circle class="ring-done" cx="11" cy="11" r="8.5" pathLength="100" stroke-dasharray="64 100" transform="rotate(-90 11 11)"/></svg></a>'
    )


def _set_region() -> None:
    g.region = Region("en_GB", "Europe/London")


def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _entry(label: str, icon: str, *, active: bool = False, count: int | None = None) -> dict[str, Any]:
    return {"label": label, "icon": icon, "url": f"/{label.lower()}", "active": active, "count": count}


FRAME: dict[str, Any] = {
    "navigation": [
        _entry("Home", "home"),
        _entry("Orders", "shopping-cart", active=True, count=12),
        _entry("Products", "tag"),
        {**_entry("Stock", "building-warehouse"), "children": []},
        _entry("Customers", "users"),
        _entry("Channels", "world"),
        _entry("Reports", "chart-bar"),
        _entry("Privacy", "shield", count=2),
        _entry("Operations", "tool"),
    ],
    "merchant": SimpleNamespace(name="Tea & Tinware"),
    "merchants": [
        {"name": "Tea & Tinware", "url": "/switch/1", "current": True},
        {"name": LONG_NAME, "url": "/switch/2", "current": False},
    ],
    "person": {"name": "Noor Haddad", "email": "noor@example.com", "profile_url": "/profile"},
    "sign_out_url": "/sign-out",
    "preferences_url": "/preferences",
    "lookup_url": "/lookup",
    "help_url": "/help",
}


if __name__ == "__main__":
    make_gallery().run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 5099)
