"""The house client: a test client that looks at every page it is given."""

from __future__ import annotations

import contextvars
from collections import Counter
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from portal.core.once import FIELD

UNLABELLED = {"hidden", "submit", "button", "image", "reset"}


class HouseClient(FlaskClient):
    """Checks each HTML answer: one h1, unique ids, forms that say where they go, fields that say what they are."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        # A browser shares no context with the test: neither its session nor the merchant in its scope.
        response = contextvars.Context().run(lambda: super(HouseClient, self).open(*args, **kwargs))
        if response.mimetype == "text/html" and response.status_code not in {301, 302, 303}:
            page = check_page(response.get_data(as_text=True))
            self._check_forms(page)
        return response

    def fragment(self, path: str, **kwargs: Any) -> TestResponse:
        """Ask as htmx does."""
        return self.open(path, headers={"HX-Request": "true"}, **kwargs)

    def _check_forms(self, page: _Page) -> None:
        """A form that makes something carries the token by which it makes one."""
        routes = self.application.url_map.bind("localhost")
        for action in page.without_token:
            try:
                endpoint, _ = routes.match(urlsplit(action).path, "POST")
            except HTTPException:
                continue
            view = self.application.view_functions[endpoint]
            assert not hasattr(view, "is_sent_once"), f"the form to {endpoint} misses once_field()"


def check_page(html: str) -> _Page:
    """Raise AssertionError when the page breaks a rule of the house."""
    page = _Page()
    page.feed(html)
    page.close()
    if "<html" in html:
        assert page.headings == 1, f"a page has one h1, this one has {page.headings}"
    doubled = [name for name, count in page.ids.items() if count > 1]
    assert not doubled, f"ids are unique, these are not: {doubled}"
    assert not page.homeless, f"forms need an action: {page.homeless}"
    unlabelled = [name for name, ids in page.fields if not (ids & page.labels)]
    assert not unlabelled, f"fields need a label: {unlabelled}"
    return page


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.headings = 0
        self.ids: Counter[str] = Counter()
        self.homeless: list[str] = []
        self.without_token: set[str] = set()
        self.labels: set[str] = set()
        self.fields: list[tuple[str, set[str]]] = []
        self._posts: set[str] = set()
        self._has_token = False
        self._in_label = 0
        self._in_template = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "template":
            self._in_template += 1
        if self._in_template:
            return
        given = dict(attrs)
        if given.get("id"):
            self.ids[str(given["id"])] += 1
        match tag:
            case "h1":
                self.headings += 1
            case "form":
                self._form(given)
            case "label":
                self._in_label += 1
                if given.get("for"):
                    self.labels.add(str(given["for"]))
            case "input" if given.get("name") == FIELD:
                self._has_token = True
            case "button" if given.get("formaction"):
                self._posts.add(str(given["formaction"]))
            case "input" | "select" | "textarea" if given.get("type") not in UNLABELLED:
                self._field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label" and self._in_label:
            self._in_label -= 1
        if tag == "template" and self._in_template:
            self._in_template -= 1
        if tag == "form" and not self._has_token:
            self.without_token |= self._posts

    def _form(self, given: dict[str, str | None]) -> None:
        action = given.get("action")
        if not action:
            self.homeless.append(str(given))
        self._posts = {action} if action and given.get("method") == "post" else set()
        self._has_token = False

    def _field(self, tag: str, given: dict[str, str | None]) -> None:
        if self._in_label or given.get("aria-label") or given.get("aria-labelledby"):
            return
        self.fields.append((f"{tag} {given.get('name')}", {str(given.get("id"))}))
