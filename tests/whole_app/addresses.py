"""Addresses of routes with every parameter filled in."""

from __future__ import annotations

from typing import Any, Final

from flask import Flask
from werkzeug.routing import FloatConverter, IntegerConverter, Rule, UUIDConverter

from portal.core.api import PublicIdConverter
from tests.whole_app.rules import SAFE

NOBODYS_NUMBER: Final = 999_999_999
NOBODYS_WORD: Final = "no-such-thing"


def methods_of(rule: Rule) -> list[str]:
    """The methods a view answers itself."""
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def address_of(app: Flask, rule: Rule, **ids: Any) -> str:
    """The path of a rule; parameters that are not given name nothing that exists."""
    values = {name: ids.get(name, _nobodys(rule._converters[name])) for name in rule._converters}
    built = rule.build(values, append_unknown=False)
    assert built is not None, f"{rule} cannot be built from {values}"
    return built[1]


def unsafe_methods(rule: Rule) -> list[str]:
    return [method for method in methods_of(rule) if method not in SAFE]


def _nobodys(converter: object) -> Any:
    if isinstance(converter, IntegerConverter | PublicIdConverter):
        return NOBODYS_NUMBER
    if isinstance(converter, FloatConverter):
        return float(NOBODYS_NUMBER)
    if isinstance(converter, UUIDConverter):
        return "00000000-0000-4000-8000-000000000000"
    return next(iter(getattr(converter, "items", [])), None) or _first_choice(converter) or NOBODYS_WORD


def _first_choice(converter: object) -> str | None:
    # any(a,b) keeps its choices in its pattern.
    pattern = str(getattr(converter, "regex", ""))
    return pattern.strip("(?:)").split("|")[0] if "|" in pattern else None
