"""The whole portal on this machine with its demo shops, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from deploy.local.gateway import practice_gateway
from deploy.local.installation import installation, migrate
from deploy.local.layout import ROOT, STATE, CannotGoOnError, say, stop_with
from deploy.local.servers import die_with_parent, held_port, log_file, tail
from portal.core.assets import HTMX_URL

USUAL_PORT = 8000
CDN_PATIENCE = 2.0
START_PATIENCE = 300.0


def main() -> None:
    try:
        # The port is taken before the minutes that loading takes, or another program could have it by then.
        with installation("demo") as environment, held_port(int(os.environ.get("PORT", USUAL_PORT))) as door:
            port = door.getsockname()[1]
            environment |= {"PUBLIC_URL": f"http://127.0.0.1:{port}", "HTMX_CDN": _cdn_switch()}
            say("Bringing the databases to the newest schema …")
            migrate(environment)
            with practice_gateway(environment, STATE / "demo") as gateway:
                environment |= gateway.environment()
                accounts = _load_shops(environment)
                gateway.tell(environment["PUBLIC_URL"])
                _run(environment, door, accounts)
    except CannotGoOnError as error:
        stop_with(error)


def _cdn_switch() -> str:
    """A content network that swallows requests would hold every page back, so it is asked once, here."""
    if given := os.environ.get("HTMX_CDN"):
        return given
    try:
        with urllib.request.urlopen(
            urllib.request.Request(HTMX_URL, method="HEAD"), timeout=CDN_PATIENCE
        ) as answer:
            return "on" if answer.status == 200 else "off"
    except (OSError, urllib.error.URLError):
        say("The content network does not answer; pages take htmx from here (HTMX_CDN=off).")
        return "off"


def _load_shops(environment: dict[str, str]) -> str:
    say("Loading the demo shops; those that are there stay as they are …")
    if _python(environment, "-m", "deploy.demo", "load").returncode:
        raise CannotGoOnError(
            f"The demo shops could not be loaded; the next `make demo` tries again.\n{tail(STATE / 'demo' / 'loading.log')}"
        )
    return _python(environment, "-m", "deploy.demo", "accounts", stdout=subprocess.PIPE).stdout


def _python(
    environment: dict[str, str], *arguments: str, stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    with log_file(STATE / "demo" / "loading.log") as log:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            text=True,
            check=False,
            stdout=stdout,
            stderr=log,
        )


def _run(environment: dict[str, str], door: socket.socket, accounts: str) -> None:
    logs = STATE / "demo"
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        processes["web"] = _spawn(_web_command(door), environment, logs / "web.log", door)
        processes["workers"] = _spawn([sys.executable, "-m", "workers"], environment, logs / "workers.log")
        _wait_until_healthy(processes, environment["PUBLIC_URL"], logs)
        say(f"\n{accounts}" if accounts else "")
        say(
            f"The portal is at {environment['PUBLIC_URL']}\nLogs: {logs.relative_to(ROOT)}/*.log    Ctrl-C stops it."
        )
        while not (ended := _ended(processes, logs)):
            time.sleep(0.5)
        raise CannotGoOnError(ended)
    finally:
        _stop(processes)
        say("Stopped.")


def _web_command(door: socket.socket) -> list[str]:
    return [
        # 128 threads: a live region holds one for as long as its page is open.
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class",
        "gthread",
        "--workers",
        "2",
        "--threads",
        "128",
        "--no-control-socket",
        "--bind",
        f"fd://{door.fileno()}",
        "--access-logfile",
        "-",
        "wsgi:app",
    ]


def _spawn(
    command: list[str], environment: dict[str, str], log: Path, *doors: socket.socket
) -> subprocess.Popen[bytes]:
    with log_file(log) as handle:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            pass_fds=[door.fileno() for door in doors],
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),
        )


def _wait_until_healthy(processes: dict[str, subprocess.Popen[bytes]], address: str, logs: Path) -> None:
    until = time.monotonic() + START_PATIENCE
    while time.monotonic() < until:
        if ended := _ended(processes, logs):
            raise CannotGoOnError(ended)
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise CannotGoOnError(
        f"The portal did not answer /healthz in {START_PATIENCE:.0f} s:\n{tail(logs / 'web.log')}"
    )


def _ended(processes: dict[str, subprocess.Popen[bytes]], logs: Path) -> str | None:
    for name, process in processes.items():
        if process.poll() is not None:
            return f"The {name} process ended with {process.returncode}:\n{tail(logs / f'{name}.log')}"
    return None


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            # The group: a worker that will not stop takes its forked job along.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    main()
