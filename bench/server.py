"""What gunicorn serves for a bench: the portal, and under /bare the limit of this stack.

The bare page runs one statement as the same role, under the same row-level security, behind the same literal SET LOCAL, and writes
the rows in one loop of a template without layout; posted to, it runs its statement, commits and answers 303. Every answer of the portal says how many statements it took.
"""

from __future__ import annotations

import json
import os
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, g, has_request_context, redirect, render_template_string, request
from flask.typing import ResponseReturnValue
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from portal.core.database import db
from wsgi import app

ROWS = """<table>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>"""

bare = Flask("bare")

with app.app_context():

    @sa.event.listens_for(db.engine, "before_cursor_execute")
    def count(*_: Any) -> None:
        if has_request_context():
            g.statements = g.get("statements", 0) + 1


@app.after_request
def tell(response: Response) -> Response:
    response.headers["X-Statements"] = str(g.get("statements", 0))
    return response


# Statements by name, written by the bench that starts the server: {"orders": "SELECT … WHERE merchant_id = …"}.
STATEMENTS: dict[str, dict[str, Any]] = json.loads(os.environ.get("BENCH_STATEMENTS", "{}"))
engine = sa.create_engine(
    app.config["SETTINGS"].database_url,
    pool_size=10,
    connect_args={"prepare_threshold": None},
    pool_pre_ping=True,
)


@bare.get("/<name>")
def rows(name: str) -> str:
    merchant = int(request.args["merchant"])
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL portal.merchant_id = '{merchant}'")
        found = connection.exec_driver_sql(STATEMENTS[name]["sql"], STATEMENTS[name].get("parameters")).all()
    return render_template_string(ROWS, rows=found)


@bare.post("/<name>")
def save(name: str) -> ResponseReturnValue:
    """The bare POST: one statement, commit, 303."""
    merchant = int(request.args["merchant"])
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL portal.merchant_id = '{merchant}'")
        connection.exec_driver_sql(STATEMENTS[name]["sql"], STATEMENTS[name].get("parameters"))
    return redirect("/", 303)


app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/bare": bare})  # type: ignore[method-assign]
