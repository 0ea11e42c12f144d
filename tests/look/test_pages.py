from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.core.assets import HTMX_FILE, HTMX_SRI, HTMX_URL, HTMX_VERSION
from portal.paths import ROOT, STATIC, TEMPLATES
from tests.look.gallery import make_gallery

WHOLE_LIMIT, OWN_LIMIT = 170_000, 40_000


def test_the_hash_in_the_page_is_the_hash_of_the_copy_we_keep() -> None:
    digest = hashlib.sha384((STATIC / HTMX_FILE).read_bytes()).digest()
    assert "sha384-" + base64.b64encode(digest).decode() == HTMX_SRI
    assert f"htmx.org@{HTMX_VERSION}/" in HTMX_URL


def test_htmx_comes_from_the_cdn_with_the_local_copy_behind_it() -> None:
    page = make_gallery(cdn=True).test_client().get("/").text
    assert f'src="{HTMX_URL}" integrity="{HTMX_SRI}" crossorigin="anonymous"' in page
    assert re.search(
        r'js/htmx-fallback\.[0-9a-f]{10}\.js" nonce="gallery" data-src="/static/vendor/htmx-', page
    )


def test_without_the_cdn_the_page_asks_no_other_host(gallery: FlaskClient) -> None:
    assert "https://" not in gallery.get("/").text


def test_a_cold_page_stays_small(gallery: FlaskClient) -> None:
    page = gallery.get("/")
    own = len(gzip.compress(page.data, 9))
    vendor = 0
    for url in set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text)):
        size = len(gallery.get(url, headers={"Accept-Encoding": "gzip"}).data)
        vendor, own = (vendor + size, own) if "/vendor/" in url else (vendor, own + size)
    assert own <= OWN_LIMIT
    assert own + vendor <= WHOLE_LIMIT


def test_a_hashed_file_is_kept_for_a_year_and_a_wrong_hash_is_not(gallery: FlaskClient) -> None:
    url = re.search(r"/static/css/app\.[0-9a-f]{10}\.css", gallery.get("/").text)
    assert url
    assert "immutable" in gallery.get(url[0]).headers["Cache-Control"]
    assert gallery.get("/static/css/app.0000000000.css").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["../portal/config.py", "..%2f..%2fetc/passwd", "css/none.css", "css"])
def test_it_serves_nothing_from_outside_its_folder(gallery: FlaskClient, name: str) -> None:
    assert gallery.get(f"/static/{name}").status_code == 404


def test_every_icon_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons" / "sprite.svg").read_text()))
    wanted: dict[str, str] = {}
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        for name in re.findall(r'\bicon\("([a-z0-9-]+)"', text) + re.findall(
            r'icon_name="([a-z0-9-]+)"', text
        ):
            wanted[name] = str(path.relative_to(ROOT))
    for path in (ROOT / "portal").rglob("*.py"):
        for name in re.findall(r'register_nav\([^)]*?"[a-z_]+\.[a-z_]+",\s*"([a-z0-9-]+)"', path.read_text()):
            wanted[name] = str(path.relative_to(ROOT))
    badge = (TEMPLATES / "components" / "badge.html").read_text()
    wanted |= {
        name: "components/badge.html"
        for _, name in re.findall(r'\("(done|attention|wrong|waiting|quiet)", "([a-z0-9-]+)"\)', badge)
    }
    assert {name: where for name, where in wanted.items() if name not in sprite} == {}


def test_no_template_carries_a_style_or_a_handler_of_its_own() -> None:
    refused = re.compile(r'\sstyle="|<style|\son[a-z]+="|hx-on|="js:|javascript:')
    spoken = re.compile(r"\{[{%#].*?[#%}]\}", re.DOTALL)
    found = {
        str(path.relative_to(ROOT))
        for path in TEMPLATES.rglob("*.html")
        if "emails" not in path.parts and refused.search(spoken.sub("", path.read_text()))
    }
    assert found == set()


def test_no_htmx_attribute_waits_for_an_inheritance_it_does_not_get() -> None:
    verb = re.compile(r"\bhx-(get|post|put|patch|delete)\b")
    bare = re.compile(r"\bhx-(target|swap|headers|boost|confirm)=")
    found = []
    for path in TEMPLATES.rglob("*.html"):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        found += [
            f"{path.relative_to(ROOT)}: {tag[:80]}"
            for tag in re.findall(r"<[a-z][^>]*>", text)
            if bare.search(tag)
            and not verb.search(tag)
            and "hx-swap-oob" not in tag
            and not tag.startswith("<hx-partial")
        ]
    assert found == []


@pytest.mark.parametrize("status", [403, 404, 422, 429, 500])
def test_every_refusal_has_one_heading_and_a_way_on(gallery: FlaskClient, status: int) -> None:
    page = gallery.get(f"/error/{status}").text
    assert page.count("<h1") == 1
    assert 'href="/"' in page and "01JD9Q" in page


def test_the_page_of_our_own_faults_needs_nothing(gallery_app: Flask) -> None:
    with gallery_app.app_context():
        assert "Something broke on our side" in gallery_app.jinja_env.get_template("errors/500.html").render()


def test_the_gallery_page_has_unique_ids_and_one_heading(gallery: FlaskClient) -> None:
    page = gallery.get("/").text
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<h1") == 1


@pytest.mark.parametrize(
    "value, expected", [("dark", 'data-bs-theme="dark"'), ("light", 'data-bs-theme="light"')]
)
def test_a_chosen_theme_is_in_the_page_from_the_first_byte(
    gallery: FlaskClient, value: str, expected: str
) -> None:
    gallery.set_cookie("theme", value)
    assert expected in gallery.get("/").text


def test_a_forged_theme_cookie_changes_nothing(gallery: FlaskClient) -> None:
    gallery.set_cookie("theme", '"><script>')
    page = gallery.get("/").text
    assert "data-bs-theme" not in page and "<script>" not in page


def test_our_stylesheets_are_all_in_a_layer() -> None:
    outside = [
        path.name
        for path in Path(STATIC / "css").rglob("*.css")
        if not re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL).strip().startswith("@layer")
    ]
    assert outside == []
