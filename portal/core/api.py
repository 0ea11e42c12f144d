"""The API for programs: one OpenAPI 3.1 document, problems as RFC 9457 has them, keys that say when to slow down.

Each domain adds its blueprint with ``register_api``; every address lies below ``/api/v1`` and declares a scope.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

import marshmallow as ma
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, Request, abort
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter, ValidationError

from portal.core.ids import parse_public_id, public_id

PREFIX: Final = "/api/v1"
TITLE: Final = "Portal API"
VERSION: Final = "1"
EXTENSION: Final = "portal_api"


class Problem(ma.Schema):
    """What went wrong (RFC 9457)."""

    type = ma.fields.String(metadata={"description": "about:blank: the title says it all"})
    title = ma.fields.String(metadata={"description": "the words of the status"})
    status = ma.fields.Integer()
    detail = ma.fields.String(metadata={"description": "a sentence for people"})
    field = ma.fields.String(metadata={"description": "the field it is about, when there is one"})
    errors = ma.fields.Dict(metadata={"description": "field to what does not fit"})
    request_id = ma.fields.String(metadata={"description": "to be told to support"})


class BodyParser(FlaskParser):
    """Reads bodies of JSON and says so when one is something else, or cannot be read."""

    def _raw_load_json(self, req: Request) -> Any:
        if req.get_data() and not req.is_json:
            abort(415, "Send the body as JSON, with Content-Type: application/json.")
        try:
            return super()._raw_load_json(req)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            return self._unreadable()

    @staticmethod
    def _unreadable() -> NoReturn:
        abort(400, "The body is not JSON that can be read.")


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """Addresses of the API."""

    ARGUMENTS_PARSER = BodyParser()


class PortalApi(Api):  # type: ignore[misc]
    """flask-smorest as this house uses it: its schemas and its document, our own error answers and addresses."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        # portal.core.problems answers every error of the app.
        return

    def _register_doc_blueprint(self) -> None:
        # The document has an address of its own that declares whom it is for.
        return


class PublicIdConverter(BaseConverter):
    """``<public_id(ord):order_id>``: an id as the outside sees it, ``ord_01h2…``."""

    def __init__(self, url_map: Any, prefix: str) -> None:
        super().__init__(url_map)
        self.prefix = prefix
        self.regex = rf"{prefix}_[0-9A-Za-z]{{1,13}}"

    def to_python(self, value: str) -> int:
        found = parse_public_id(self.prefix, value)
        if found is None:
            raise ValidationError
        return found

    def to_url(self, value: Any) -> str:
        return public_id(self.prefix, int(value)) if isinstance(value, int) else str(value)


def init_api(app: Flask) -> None:
    """Prepare the document and the addresses; before the domains register theirs."""
    app.url_map.converters["public_id"] = PublicIdConverter
    api = PortalApi(
        spec_kwargs={
            "title": TITLE,
            "version": VERSION,
            "openapi_version": "3.1.0",
            "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_schema_name),
            "info": {"description": "Orders of a merchant, for their shop, app and tills."},
            "servers": [{"url": app.config["SETTINGS"].public_url}],
            "security": [{"key": []}],
        }
    )
    api.init_app(app)
    api.register_converter(
        PublicIdConverter,
        lambda converter: {"type": "string", "pattern": rf"^{converter.prefix}_[0-9a-z]{{1,13}}$"},
    )
    api.spec.components.security_scheme(
        "key",
        {"type": "http", "scheme": "bearer", "description": "a key of the merchant, made under Settings"},
    )
    app.extensions[EXTENSION] = api


def register_api(app: Flask, blueprint: Blueprint) -> None:
    """Add a domain's addresses to the API and its document."""
    app.extensions[EXTENSION].register_blueprint(blueprint)


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of all addresses."""
    found: dict[str, Any] = app.extensions[EXTENSION].spec.to_dict()
    return found


def _schema_name(schema: Any) -> str:
    made = schema if isinstance(schema, type) else type(schema)
    return str(getattr(made, "__name__", schema)).removesuffix("Schema")
