"""Private servers start, keep to themselves, and are gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.local.layout import ROOT
from deploy.local.servers import SOCKET_PATH_LIMIT, Servers, held_port, private

HELD = """
import sys, time
from pathlib import Path
from deploy.local.installation import ended_by_signal
from deploy.local.servers import Servers
ended_by_signal()
servers = Servers("test", durable=False, directory=Path(sys.argv[1]))
try:
    servers.start()
    print(*servers.running().values(), flush=True)
    time.sleep(60)
finally:
    servers.stop()
"""


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Path:
    """A directory that the account of the servers can walk to, which pytest's own is not as root."""
    path = Path(tempfile.mkdtemp(prefix="portal-servers-", dir="/tmp"))
    request.addfinalizer(lambda: shutil.rmtree(path, ignore_errors=True))
    return path


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def gone_within(pids: list[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(map(is_alive, pids)):
            return True
        time.sleep(0.1)
    return False


def test_they_answer_with_what_the_portal_needs() -> None:
    with private("trial", durable=False) as addresses:
        with psycopg.connect(addresses.database_url) as connection:
            shown = {
                name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
                for name in ("shared_preload_libraries", "fsync", "listen_addresses", "server_encoding")
            }
            locks = connection.execute("SELECT current_setting('max_locks_per_transaction')::int").fetchone()
        assert shown == {
            "shared_preload_libraries": ("pg_stat_statements",),
            "fsync": ("off",),
            "listen_addresses": ("",),
            "server_encoding": ("UTF8",),
        }
        assert locks is not None and locks[0] >= 1024
        with redis.Redis.from_url(addresses.redis_url) as connected:
            assert connected.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        host = addresses.redis_url.partition("@")[2]
        with redis.Redis.from_url(f"redis://{host}") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_data_outlives_a_restart(place: Path) -> None:
    servers = Servers("trial", directory=place)
    try:
        with psycopg.connect(servers.start().database_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        servers.stop()
        assert servers.running() == {}
        with psycopg.connect(servers.start().database_url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
            assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("on",)
        assert stat.S_IMODE((place / "socket").stat().st_mode) == 0o700
    finally:
        servers.stop()


def test_a_long_path_still_gets_a_socket(place: Path) -> None:
    deep = place / ("long" * 20)
    deep.mkdir()
    place.chmod(0o711)
    servers = Servers("trial", durable=False, directory=deep)
    try:
        with psycopg.connect(servers.start().database_url) as connection:
            row = connection.execute("SELECT current_setting('unix_socket_directories')").fetchone()
        assert row is not None and len(f"{row[0]}/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT
    finally:
        servers.stop()
    assert not Path(row[0]).exists()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on_when_the_one_who_started_it_ends(place: Path, sign: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HELD, str(place)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    pids = [int(word) for word in holder.stdout.readline().split()]
    assert len(pids) == 2 and all(map(is_alive, pids))
    holder.send_signal(sign)
    holder.wait(timeout=30)
    holder.stdout.close()
    assert gone_within(pids, 20)


def test_a_held_port_is_nobody_elses() -> None:
    with held_port() as first:
        taken = first.getsockname()[1]
        with held_port(taken) as second:
            assert second.getsockname()[1] != taken
