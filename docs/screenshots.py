"""The pictures of the README and the guides, taken from the demo: ``make screenshots``.

With ``--address`` they are taken from a demo that runs already; with ``--roles`` the home page of every role is taken too.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from deploy.demo.shops import LANTERN, PASSWORD, ROLES, SHOPS
from deploy.local.packages import chromium_binary

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ROOT / "docs" / "images"
LARGEST: Final = 200_000
WIDE, NARROW = (1280, 800), (360, 740)

# Name of the picture, who looks, where, and how.
SHOTS: Final = (
    ("home", "owner", "/", WIDE, "light"),
    ("home-dark", "owner", "/", WIDE, "dark"),
    ("home-phone", "owner", "/", NARROW, "light"),
    ("orders", "support", "/orders", WIDE, "light"),
    ("order", "support", "first order", WIDE, "light"),
    ("returns", "support", "/returns?state=requested", WIDE, "light"),
    ("picking", "warehouse", "first pick list", WIDE, "light"),
    ("payouts", "owner", "/payouts", WIDE, "light"),
    ("products", "catalogue", "/catalog/products", WIDE, "light"),
    ("product", "catalogue", "first product", WIDE, "light"),
    ("stock", "warehouse", "/stock", WIDE, "light"),
    ("customers", "support", "/customers", WIDE, "light"),
    ("reports", "owner", "/reports", WIDE, "light"),
    ("channels", "owner", "/channels", WIDE, "light"),
    ("imports", "catalogue", "/imports", WIDE, "light"),
    ("privacy", "compliance", "/privacy", WIDE, "light"),
    ("audit-log", "compliance", "/operations/audit", WIDE, "light"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.screenshots", description=__doc__)
    parser.add_argument("--address", help="of a demo that runs already")
    parser.add_argument("--roles", type=Path, help="a folder for the home page of every role")
    told = parser.parse_args()
    with _demo(told.address) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_binary(), args=["--no-sandbox", "--disable-gpu"]
        )
        if told.roles:
            _homes(browser, address, told.roles)
        return _pictures(browser, address)


def _pictures(browser: Browser, address: str) -> int:
    IMAGES.mkdir(exist_ok=True)
    failed = 0
    for name, desk, path, size, scheme in SHOTS:
        with _signed_in(browser, address, LANTERN.email(desk), size, scheme) as page:
            answer = page.goto(address + _resolved(page, address, path), wait_until="networkidle")
            status = answer.status if answer else 0
            if status != 200:
                print(f"{name}: {path} answered {status}; no picture", file=sys.stderr)
                failed += 1
                continue
            page.wait_for_timeout(400)
            _keep(IMAGES / f"{name}.png", page.screenshot())
    return 1 if failed else 0


def _resolved(page: Page, address: str, path: str) -> str:
    """A path; the first order that waits and the best-filed product are found in their lists."""
    listed = {
        "first order": ("/orders?f=1.state.is.open", 3),
        "first product": ("/catalog/products", 0),
        "first pick list": ("/pick-lists", 0),
    }
    if path not in listed:
        return path
    where, place = listed[path]
    page.goto(address + where, wait_until="networkidle")
    link = (
        page.locator("main tbody th a, main tbody td.cell-main a, main tbody tr td a")
        .nth(place)
        .get_attribute("href")
    )
    assert link, f"{where} lists something"
    return link.removeprefix(address)


def _homes(browser: Browser, address: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for shop in SHOPS:
        for desk, _ in ROLES:
            with _signed_in(browser, address, shop.email(desk), WIDE, "light") as page:
                page.goto(address + "/", wait_until="networkidle")
                page.screenshot(path=folder / f"{shop.slug}-{desk}.png", full_page=True)


@contextmanager
def _signed_in(
    browser: Browser, address: str, email: str, size: tuple[int, int], scheme: str
) -> Iterator[Page]:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce", locale="en-GB"
    )  # fmt: skip
    try:
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                print(f"{email}: {message.text}", file=sys.stderr) if message.type == "error" else None
            ),
        )
        page.goto(f"{address}/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state("networkidle")
        if "/sign-in" in page.url:
            raise RuntimeError(f"{email} could not sign in.")
        yield page
    finally:
        context.close()


def _keep(path: Path, png: bytes) -> None:
    """Write a picture with as few colours as keep it under the size a reader should wait for."""
    with Image.open(io.BytesIO(png)) as picture:
        plain = picture.convert("RGB")
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        plain.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= LARGEST:
            break
    path.write_bytes(buffer.getvalue())
    print(f"{path.relative_to(ROOT)}: {buffer.tell() / 1000:.0f} kB")


@contextmanager
def _demo(address: str | None) -> Iterator[str]:
    """The demo at an address, or one served here for as long as it takes."""
    if address:
        yield address.rstrip("/")
        return
    subprocess.run([sys.executable, "-m", "deploy.demo", "load"], cwd=ROOT, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "16", "--no-control-socket", "--bind", f"127.0.0.1:{port}", "wsgi:app"],
        cwd=ROOT, env=os.environ | {"PUBLIC_URL": here, "HTMX_CDN": "off"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{here}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield here
    finally:
        server.terminate()
        server.wait(15)


if __name__ == "__main__":
    raise SystemExit(main())
