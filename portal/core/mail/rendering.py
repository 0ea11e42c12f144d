"""Mail texts: one folder per message, one set of files per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from flask import current_app
from jinja2 import TemplateNotFound

FALLBACK: Final = "en"
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
SUBJECT_LENGTH: Final = 250


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out."""

    to: str
    subject: str
    text: str
    html: str | None

    def as_dict(self) -> dict[str, str | None]:
        """For sealing."""
        return asdict(self)


def render_letter(template: str, to: str, context: Mapping[str, Any], locale: str) -> Letter:
    """Render ``templates/emails/<template>/<locale>.{subject.txt,txt,html}``, in English where a language is missing.

    The HTML file may be absent; subject and text may not.

    Raises:
        TemplateNotFound: there is no such message.
    """
    if not NAME.fullmatch(template):
        raise TemplateNotFound(template)
    subject = _render(template, locale, "subject.txt", context)
    text = _render(template, locale, "txt", context)
    try:
        html: str | None = _render(template, locale, "html", context)
    except TemplateNotFound:
        html = None
    return Letter(
        to=one_line(to), subject=one_line(subject)[:SUBJECT_LENGTH], text=text.strip() + "\n", html=html
    )


def one_line(text: str) -> str:
    """*text* as it may stand in a header: a line break in a value must not begin a header of its own."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def _render(template: str, locale: str, ending: str, context: Mapping[str, Any]) -> str:
    language = re.split(r"[-_]", locale)[0]
    names = [f"emails/{template}/{each}.{ending}" for each in dict.fromkeys((locale, language, FALLBACK))]
    return current_app.jinja_env.select_template(names).render(dict(context))
