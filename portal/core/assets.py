"""Files the pages load: hashed names, cached for a year, compressed once, bundled without a build step.

Four names exist only here: `css/app.css` and `js/app.js` are our own files joined in cascade order, so that a cold page
asks twice instead of forty times; `vendor/tabler.css` and `vendor/tabler-rtl.css` are Tabler inside a cascade layer, so that our rules win over it by
order and never by specificity.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, abort, request

from portal.config import Settings

HTMX_VERSION = "4.0.1"
HTMX_URL = f"https://cdn.jsdelivr.net/npm/htmx.org@{HTMX_VERSION}/dist/htmx.min.js"
# Computed from the package itself; the hash printed in its README belongs to 4.0.0 and is refused by browsers.
HTMX_SRI = "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn"
HTMX_FILE = f"vendor/htmx-{HTMX_VERSION}.min.js"
TABLER_FILE = "vendor/tabler-1.6.1.min.css"
TABLER_RTL_FILE = "vendor/tabler-1.6.1.rtl.min.css"
UPLOT_FILE = "vendor/uplot-1.6.32.min.js"
UPLOT_STYLE = "vendor/uplot-1.6.32.min.css"

LAYERS = "@layer tabler, tokens, base, components, utilities;\n"
BUNDLES: dict[str, tuple[str, ...]] = {
    "css/app.css": ("css/tokens.css", "css/base.css", "css/components/*.css", "css/utilities.css"),
    "js/app.js": ("js/behaviours/*.js",),
}
# Tabler has two sheets: the second is for pages written from right to left.
LAYERED = {"vendor/tabler.css": TABLER_FILE, "vendor/tabler-rtl.css": TABLER_RTL_FILE}
YEAR = 31_536_000
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")
_HASHED = re.compile(r"^(?P<stem>.+)\.(?P<hash>[0-9a-f]{10})(?P<suffix>\.[a-z0-9]+)$")


@dataclass(frozen=True)
class Asset:
    """One file as it leaves the house."""

    body: bytes
    packed: bytes | None
    media_type: str
    digest: str


class Assets:
    """Reads each file once; while developing (`live`) a changed file is read again."""

    def __init__(self, folder: Path, *, live: bool = False) -> None:
        self.folder = folder
        self.live = live
        self._read: dict[str, tuple[float, Asset]] = {}

    def hashed_name(self, name: str) -> str:
        """`css/app.css` → `css/app.3f9a1c2b7d.css`."""
        stem, dot, suffix = name.rpartition(".")
        return f"{stem}.{self.get(name).digest}{dot}{suffix}"

    def get(self, name: str) -> Asset:
        """The file of that name.

        Raises:
            FileNotFoundError: no such file, or a name that leaves the folder.
        """
        known = self._read.get(name)
        if known and not self.live:
            return known[1]
        sources = self._sources(name)
        changed = max(source.stat().st_mtime for source in sources)
        if known and known[0] == changed:
            return known[1]
        asset = _asset(name, _joined(name, sources))
        self._read[name] = (changed, asset)
        return asset

    def _sources(self, name: str) -> list[Path]:
        if name in BUNDLES:
            return [path for pattern in BUNDLES[name] for path in sorted(self.folder.glob(pattern))]
        path = (self.folder / LAYERED.get(name, name)).resolve()
        if not path.is_file() or self.folder.resolve() not in path.parents:
            raise FileNotFoundError(name)
        return [path]


def init_assets(app: Flask) -> None:
    """Serve `/static/…` from here and give templates `asset()` and `htmx_assets`."""
    settings: Settings = app.config["SETTINGS"]
    assets = Assets(Path(str(app.static_folder)), live=app.debug)
    urls: dict[str, str] = {}

    def serve(filename: str) -> Response:
        return _serve(assets, filename)

    def asset(name: str) -> str:
        # Every icon of every row asks, so the answer is kept; `url_for` would cost more than the rest of the row.
        url = None if assets.live else urls.get(name)
        if url is None:
            url = urls[name] = f"{app.static_url_path}/{assets.hashed_name(name)}"
        return url

    app.view_functions["static"] = serve
    app.jinja_env.globals.update(
        asset=asset,
        htmx_assets={"url": HTMX_URL, "sri": HTMX_SRI, "file": HTMX_FILE, "cdn": settings.htmx_cdn},
        uplot_assets={"file": UPLOT_FILE, "style": UPLOT_STYLE},
    )


def _serve(assets: Assets, filename: str) -> Response:
    hashed = _HASHED.match(filename)
    name = f"{hashed['stem']}{hashed['suffix']}" if hashed else filename
    try:
        asset = assets.get(name)
    except FileNotFoundError:
        abort(404)
    packed = asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(asset.packed if packed else asset.body, content_type=asset.media_type)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if asset.packed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    fresh = hashed is not None and hashed["hash"] == asset.digest
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if fresh else "no-cache"
    response.set_etag(asset.digest + ("-gz" if packed else ""))
    response.make_conditional(request)
    return response


def _joined(name: str, sources: list[Path]) -> bytes:
    texts = [source.read_bytes() for source in sources]
    if name in LAYERED:
        # A @charset is only allowed as the first thing of a file, and no longer stands there.
        text = texts[0].removeprefix(b'@charset "UTF-8";')
        return LAYERS.encode() + b"@layer tabler {" + text + b"}\n"
    if name == "css/app.css":
        return LAYERS.encode() + b"\n".join(texts)
    return b"\n".join(texts)


def _asset(name: str, body: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(body, 9, mtime=0) if media_type.startswith(COMPRESSIBLE) else None
    if media_type.startswith(COMPRESSIBLE):
        media_type += "; charset=utf-8"
    return Asset(body, packed, media_type, hashlib.sha256(body).hexdigest()[:10])
