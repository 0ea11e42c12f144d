"""A private PostgreSQL and Redis from the machine's own binaries: started, watched, stopped; nothing stays behind.

PostgreSQL listens on a socket in a directory that only its own account and root can enter, so nobody else on the
machine reaches it. Redis listens on the loopback with a generated password. Both die with the process that started
them, even when that is killed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from deploy.local import packages
from deploy.local.layout import CannotGoOnError, only_one, say, server_directory, stop_with

BACKLOG = 128
SOCKET_PATH_LIMIT = 107
# The socket lies in a directory of its own, so every cluster can have the usual number.
PORT = 5432
PATIENCE = 60.0
PR_SET_PDEATHSIG = 1

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
DISPOSABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
POSTGRES_SETTINGS = {
    "listen_addresses": "''",
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "200",
    # A statement over all partitions of all order tables locks each of them and each of their indexes.
    "max_locks_per_transaction": "1024",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True)
class Addresses:
    """Where the servers answer: PostgreSQL as its administrator, and Redis."""

    database_url: str
    redis_url: str


class Servers:
    """The two servers of one data directory."""

    def __init__(self, name: str, *, durable: bool = True, directory: Path | None = None) -> None:
        self.directory = directory or server_directory(name)
        self.durable = durable
        self._account = _account()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *, tied: bool = True, postgres: bool = True, redis: bool = True) -> Addresses:
        """Start them and wait until they answer. Tied servers end with this process, however it ends."""
        self.stop()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._own(self.directory, 0o711)
        try:
            return Addresses(
                self._start_postgres(tied) if postgres else "", self._start_redis(tied) if redis else ""
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop whatever runs on this data, whoever started it, and wait until it is gone."""
        elsewhere = self._socket_elsewhere()
        for pid, polite in ((self._redis_pid(), signal.SIGTERM), (self._postgres_pid(), signal.SIGINT)):
            if pid:
                _end(pid, polite)
        if elsewhere:
            shutil.rmtree(elsewhere, ignore_errors=True)
        for child in self._children.values():
            child.wait()
        self._children.clear()

    def running(self) -> dict[str, int]:
        """The process ids of what runs now."""
        found = {"PostgreSQL": self._postgres_pid(), "Redis": self._redis_pid()}
        return {name: pid for name, pid in found.items() if pid}

    def runs(self, name: str) -> bool:
        """Whether this object started that server: ``postgres`` or ``redis``."""
        return name in self._children

    def failed(self) -> str | None:
        """Name a server that ended by itself, with the end of its log."""
        for name, child in self._children.items():
            if child.poll() is not None:
                return f"{name} ended with {child.returncode}:\n{tail(self.directory / f'{name}.log')}"
        return None

    def _start_postgres(self, tied: bool) -> str:
        binaries = packages.postgres_bin()
        if binaries is None:
            raise CannotGoOnError(f"Not found: {packages.POSTGRES.what}.")
        data = self.directory / "postgres"
        if not (data / "PG_VERSION").exists():
            self._make_cluster(binaries, data)
        sockets = self._socket_directory()
        settings = POSTGRES_SETTINGS | (DURABLE if self.durable else DISPOSABLE)
        settings |= {"unix_socket_directories": f"'{sockets}'", "port": str(PORT)}
        options = [
            part for name, value in settings.items() for part in ("-c", f"{name}={value.strip(chr(39))}")
        ]
        command = [str(binaries / "postgres"), "-D", str(data), *options]
        self._spawn(command, "postgres", signal.SIGINT, tied)
        ready = [str(binaries / "pg_isready"), "-q", "-h", str(sockets), "-p", str(PORT)]
        self._wait("postgres", lambda: subprocess.run(ready, check=False).returncode == 0)
        return f"postgresql://postgres@/postgres?host={quote(str(sockets))}&port={PORT}"

    def _make_cluster(self, binaries: Path, data: Path) -> None:
        if data.exists():
            shutil.rmtree(data)
        data.mkdir()
        self._own(data, 0o700)
        locale = "en_US.UTF-8" if platform.system() == "Darwin" else "C.UTF-8"
        command = [
            str(binaries / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "--encoding",
            "UTF8",
            "--locale",
            locale,
            "--auth-local",
            "trust",
            "--auth-host",
            "scram-sha-256",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        ]
        done = subprocess.run(
            command, cwd="/", capture_output=True, text=True, check=False, **self._as_account()
        )
        if done.returncode:
            raise CannotGoOnError(f"initdb did not succeed:\n{done.stdout}{done.stderr}")

    def _start_redis(self, tied: bool) -> str:
        binary = packages.redis_binary()
        if binary is None:
            raise CannotGoOnError(f"Not found: {packages.REDIS.what}.")
        data = self.directory / "redis"
        data.mkdir(exist_ok=True)
        self._own(data, 0o700)
        port, password = free_port(), secrets.token_urlsafe(24)
        configuration = data / "redis.conf"
        keep = ["appendonly yes", "appendfsync everysec"] if self.durable else ["appendonly no"]
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f"dir {data}",
            f"pidfile {data}/redis.pid",
            "daemonize no",
            'save ""',
            "maxmemory-policy noeviction",
            *keep,
        ]
        configuration.unlink(missing_ok=True)
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write("\n".join(lines) + "\n")
        self._own(configuration, 0o600)
        (data / "redis.pid").unlink(missing_ok=True)
        self._spawn([binary, str(configuration)], "redis", signal.SIGTERM, tied)
        self._wait("redis", lambda: _redis_answers(port, password))
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def _spawn(self, command: list[str], name: str, polite: signal.Signals, tied: bool) -> None:
        with log_file(self.directory / f"{name}.log") as log:
            child = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=(lambda: die_with_parent(polite)) if tied else None,
                **self._as_account(),
            )
        self._children[name] = child

    def _wait(self, name: str, answers: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not answers():
            if trouble := self.failed():
                raise CannotGoOnError(trouble)
            if time.monotonic() > until:
                raise CannotGoOnError(
                    f"{name} did not answer in {PATIENCE:.0f} s:\n{tail(self.directory / f'{name}.log')}"
                )
            time.sleep(0.05)

    def _socket_directory(self) -> Path:
        longest = f"/.s.PGSQL.{PORT}"
        path = self.directory / "socket"
        if len(os.fsencode(path)) + len(longest) > SOCKET_PATH_LIMIT:
            path = Path(tempfile.mkdtemp(prefix="portal-", dir="/tmp"))
        path.mkdir(exist_ok=True)
        self._own(path, 0o700)
        return path

    def _socket_elsewhere(self) -> Path | None:
        """The temporary directory that was made because our own path is too long for a socket."""
        record = self.directory / "postgres" / "postmaster.pid"
        lines = record.read_text().splitlines() if record.exists() else []
        path = Path(lines[4]) if len(lines) > 4 and lines[4] else None
        return path if path and path.parent == Path("/tmp") and path.name.startswith("portal-") else None

    def _postgres_pid(self) -> int | None:
        return _pid_from(self.directory / "postgres" / "postmaster.pid", str(self.directory / "postgres"))

    def _redis_pid(self) -> int | None:
        return _pid_from(self.directory / "redis" / "redis.pid", "redis")

    def _own(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if self._account:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _as_account(self) -> dict[str, Any]:
        if not self._account:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}


@contextmanager
def private(name: str, *, durable: bool) -> Iterator[Addresses]:
    """Servers for one run whose data is gone afterwards; ``name`` tells the directories apart."""
    with tempfile.TemporaryDirectory(
        prefix=f"portal-{name}-", dir="/tmp", ignore_cleanup_errors=True
    ) as made:
        servers = Servers(name, durable=durable, directory=Path(made))
        try:
            yield servers.start()
        finally:
            servers.stop()


def die_with_parent(polite: signal.Signals) -> None:
    """Linux: have the kernel send *polite* to this process when its parent ends without saying goodbye."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(polite))


def free_port(wanted: int = 0) -> int:
    """*wanted* if nobody listens there, else a port that is free now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


def held_port(wanted: int = 0) -> socket.socket:
    """A socket that listens on *wanted*, or on a free port: whoever asks for it meanwhile is refused."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind(("127.0.0.1", wanted))
        held.listen(BACKLOG)
    except OSError:
        held.close()
        if not wanted:
            raise
        return held_port()
    return held


def log_file(path: Path) -> IO[bytes]:
    """Open a log for appending, readable by its owner only."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def tail(path: Path, lines: int = 15) -> str:
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _account() -> pwd.struct_passwd | None:
    """As root the servers run as the account PostgreSQL's package made; otherwise as oneself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "_postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotGoOnError("PostgreSQL refuses to run as root, and there is no account to run it as.")


def _redis_answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while b"PONG" not in answer and (more := line.recv(64)):
                answer += more
            return b"PONG" in answer
    except OSError:
        return False


def _pid_from(path: Path, must_mention: str) -> int | None:
    """The process a pid file names, if it is still that process and not a later one with its number."""
    try:
        pid = int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if must_mention in _command_of(pid) else None


def _command_of(pid: int) -> str:
    """The command line of a running process; empty for one that is gone or only waits to be buried."""
    if platform.system() == "Linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    shown = ["ps", "-o", "args=", "-p", str(pid)]
    return subprocess.run(shown, capture_output=True, text=True, check=False).stdout


def _end(pid: int, polite: signal.Signals) -> None:
    for sign, patience in ((polite, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        until = time.monotonic() + patience
        while time.monotonic() < until:
            try:
                done, _ = os.waitpid(pid, os.WNOHANG)
                if done:
                    return
            except ChildProcessError:
                if not _command_of(pid):
                    return
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument("--name", default="demo", help="which data: demo, bench, … (default: demo)")
    parser.add_argument("--quick", action="store_true", help="not durable; for data that can be made again")
    given = parser.parse_args()
    if not re.fullmatch(r"[a-z]+", given.name):
        parser.error("--name takes small letters only")
    servers = Servers(given.name, durable=not given.quick)
    try:
        with only_one(f"servers-{given.name}"):
            if given.action == "start":
                addresses = servers.start(tied=False)
                say(f"DATABASE_URL={addresses.database_url}\nREDIS_URL={addresses.redis_url}")
            elif given.action == "stop":
                servers.stop()
    except CannotGoOnError as error:
        stop_with(error)
    if given.action == "status":
        say("\n".join(f"{name} runs as {pid}" for name, pid in servers.running().items()) or "Nothing runs.")


if __name__ == "__main__":
    main()
