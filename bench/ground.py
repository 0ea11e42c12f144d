"""What benches of pages stand on: the portal behind gunicorn with the bare page beside it, and clients."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

import psycopg
from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface

from portal.accounts.roles import role_by_key, seed_roles
from portal.accounts.services import add_member, create_user
from portal.accounts.sessions import MERCHANT, TOKEN, begin_session
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope

ROOT: Final = Path(__file__).resolve().parent.parent
BENCH: Final = Actor("system", None, "bench")


@dataclass(frozen=True, slots=True)
class Address:
    """One address to ask for, and whether as htmx does."""

    path: str
    is_fragment: bool = False


@dataclass
class Measured:
    """What a series of requests took, in milliseconds."""

    times: list[float]
    statements: int = 0
    size: int = 0

    @property
    def p50(self) -> float:
        return quantiles(self.times, n=100)[49]

    @property
    def p95(self) -> float:
        return quantiles(self.times, n=100)[94]


@dataclass
class Bars:
    """The bars of a bench: each is a ratio or a count against a limit."""

    failed: list[str] = field(default_factory=list)

    def hold(self, what: str, figure: float, limit: float, unit: str = "×") -> None:
        is_held = figure <= limit
        print(f"  {'ok   ' if is_held else 'SHORT'} {what}: {figure:.2f} {unit} (at most {limit:g})")
        if not is_held:
            self.failed.append(what)

    def finish(self, name: str, figure: float, floor: float, unit: str = "×") -> None:
        """Print the last line and end the process."""
        print(f"{name}: {figure:.2f} {unit} (floor {floor:g}) {'short' if self.failed else 'ok'}")
        raise SystemExit(1 if self.failed else 0)


def sign_in_cookie(app: Flask, merchant_id: int) -> str:
    """The cookie of an owner of the shop."""
    with app.app_context():
        user = create_user(
            email=f"bench-{merchant_id}-{secrets.token_hex(6)}@example.com",
            name="Bench",
            password="correct horse battery 42",
        )
        user_id = user.id
        db.session.commit()
        with merchant_scope(merchant_id):
            seed_roles()
            add_member(user_id, role_by_key("owner").id, by=BENCH)
            db.session.commit()
    with app.test_request_context("/"):
        begin_session(user_id, merchant_id)
        values = {TOKEN: session[TOKEN], MERCHANT: merchant_id}
        db.session.commit()
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    return f"{app.config['SESSION_COOKIE_NAME']}={signer.dumps(values)}"


@contextmanager
def served(environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """The portal and the bare page behind gunicorn as in production; gives the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "bench.server:app",
            "--bind",
            f"127.0.0.1:{port}",
            "--worker-class",
            "gthread",
            "--workers",
            "2",
            "--threads",
            "8",
            "--no-control-socket",
            "--log-level",
            "warning",
        ],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        # It lets open connections end first, for up to 30 seconds; on a busy machine it takes them.
        server.wait(60)


def measure(
    port: int, addresses: Sequence[Address], cookie: str, *, clients: int, seconds: float
) -> Measured:
    """Ask for the addresses in turn, with some clients at once, each on a connection it keeps."""
    done: list[Measured] = []
    threads = [
        threading.Thread(target=lambda: done.append(_client(port, addresses, cookie, seconds)))
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) < clients:
        raise RuntimeError("A client failed; see above.")
    return Measured(
        [time for each in done for time in each.times],
        max(each.statements for each in done),
        max(each.size for each in done),
    )


def sequential_scans(larger_than: int) -> dict[str, int]:
    """How often each large table was read from end to end since the server's counters began."""
    with psycopg.connect(_plain(os.environ["OWNER_DATABASE_URL"])) as connection:
        rows = connection.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE n_live_tup > %s", (larger_than,)
        ).fetchall()
    return {str(name): int(scans) for name, scans in rows}


def _client(port: int, addresses: Sequence[Address], cookie: str, seconds: float) -> Measured:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    measured = Measured([])
    for address in addresses:
        _ask(connection, address, cookie, measured)
    measured.times.clear()
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until or len(measured.times) < 20:
        _ask(connection, addresses[turn % len(addresses)], cookie, measured)
        turn += 1
    connection.close()
    return measured


def _ask(connection: http.client.HTTPConnection, address: Address, cookie: str, measured: Measured) -> None:
    headers = {"Cookie": cookie} | ({"HX-Request": "true"} if address.is_fragment else {})
    began = time.perf_counter()
    connection.request("GET", address.path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    measured.times.append((time.perf_counter() - began) * 1000)
    if response.status != 200:
        raise RuntimeError(f"{address.path} answered {response.status}: {body[:300]!r}")
    measured.statements = max(measured.statements, int(response.headers.get("X-Statements", 0)))
    measured.size = max(measured.size, len(body))


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the app answers: the port is open long before the workers have read it in."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError("gunicorn ended before it answered.")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError("gunicorn did not begin to answer within 90 s.")


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
