"""Screens of privacy; each module adds its addresses to one blueprint."""

from __future__ import annotations

from flask import Blueprint
from flask_wtf import FlaskForm

from portal.core.errors import DomainError

bp = Blueprint("privacy", __name__, url_prefix="/privacy")


def show_error(form: FlaskForm, error: DomainError) -> None:
    """Put a broken rule beside the field it belongs to, or above the form."""
    if error.field and error.field in form:
        form[error.field].errors = [*form[error.field].errors, error.message]
    else:
        form.form_errors.append(error.message)
