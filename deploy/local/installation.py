"""A running ground for one purpose (demo, bench, checks): servers, databases, and the environment processes get."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import redis

from deploy.local import databases, schema
from deploy.local.layout import (
    ROOT,
    CannotGoOnError,
    only_one,
    say,
    server_directory,
    state_directory,
)
from deploy.local.packages import OLDEST_REDIS
from deploy.local.servers import Servers

BENCH = "bench"
BENCH_SIZES = ("s", "m", "l")
# What an installation keeps beside its databases.
FOLDERS = {"STORAGE_URL": "storage", "LEDGER_URL": "ledger"}


@contextmanager
def installation(name: str, *, durable: bool = True, given: bool = True) -> Iterator[dict[str, str]]:
    """The environment of an installation called *name*; the servers we started stop at the end, however it comes.

    With *given*, servers that DATABASE_URL and REDIS_URL name are used; the checks never touch those.
    """
    state = state_directory(name)
    state.chmod(0o711)
    servers = None
    ended_by_signal()
    with only_one(name):
        try:
            admin_url = os.environ.get("DATABASE_URL") if given else None
            redis_url = os.environ.get("REDIS_URL") if given else None
            if not (admin_url and redis_url):
                servers = Servers(name, durable=durable, directory=server_directory(name) / "servers")
                started = servers.start(postgres=not admin_url, redis=not redis_url)
                admin_url, redis_url = admin_url or started.database_url, redis_url or started.redis_url
            with_own = servers is not None and servers.runs("postgres")
            # The databases of benches carry the schema in their names.
            if name != BENCH and schema.is_older(admin_url, _names(name)):
                begin_anew(name, admin_url, _names(name), state, is_own=with_own)
            # Roles belong to the server: on a given one, every installation of this checkout signs in with the same.
            passwords = state if with_own else state_directory("given")
            made = databases.prepare(admin_url, passwords / "passwords.json", _names(name))
            if name == BENCH:
                databases.prepare_benches(
                    admin_url, _names(name), BENCH_SIZES, lets_owner_skip_checks=with_own
                )
            say(f"PostgreSQL {made.server_version}, Redis {_redis_version(redis_url)}.")
            for remark in made.remarks:
                say(remark)
            yield os.environ | made.environment() | _own_settings(name, state) | {"REDIS_URL": redis_url}
        finally:
            if servers:
                servers.stop()


def ended_by_signal() -> None:
    """Turn a polite request to end into an exception, so that what was started is stopped on the way out."""

    def end(number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C must not interrupt the stopping.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def migrate(environment: dict[str, str]) -> None:
    """Bring both databases to the newest schema.

    Nothing more is asked of databases that say they hold it: starting the portal twice for nothing took half of a
    second start.
    """
    if schema.is_current(environment):
        return
    flask(environment, "db", "upgrade")
    flask(environment, "keyring", "upgrade")
    schema.mark_current(environment)


def begin_anew(name: str, admin_url: str, names: databases.Names, state: Path, *, is_own: bool) -> None:
    """Drop databases that were made for another schema, with what was kept beside them: the same ids will be given to others.

    Raises:
        CannotGoOnError: they stand on a server that somebody gave; nothing is touched.
    """
    if not is_own:
        raise CannotGoOnError(
            f"The databases {names.main} and {names.keys} on the server that DATABASE_URL names were made for another schema "
            "than this checkout's.\nThey may be somebody's own, so nothing was touched. To use a server of the demo's own:\n\n"
            "  env -u DATABASE_URL make demo\n\nOr, if they hold nothing you need, drop them and start again:\n\n"
            f"  psql \"$DATABASE_URL\" -c 'DROP DATABASE {names.keys}' -c 'DROP DATABASE {names.main}'\n"
        )
    say(f"The {name} databases were made for an older schema: they are dropped and loaded anew.")
    # The databases last: as long as they stand, an interrupted start is noticed and finished by the next.
    for folder in FOLDERS.values():
        if (state / folder).exists():
            shutil.rmtree(state / folder)
    (state / "gateway.json").unlink(missing_ok=True)
    schema.drop(admin_url, names)


def flask(
    environment: dict[str, str], *command: str, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command of the portal; its output is shown when it fails, and is the caller's when captured."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *command],
        cwd=ROOT,
        env=environment,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=None if not capture else subprocess.PIPE,
    )
    if done.returncode and not capture:
        raise CannotGoOnError(f"flask {' '.join(command)} did not succeed:\n{done.stdout[-4000:]}")
    return done


def _names(name: str) -> databases.Names:
    main = "portal" if name == "demo" else f"portal_{name}"
    if name == BENCH:
        # A data set takes minutes to build, so it is kept for as long as the schema it was built for.
        main = f"{main}_{schema.schema_digest()}"
    return databases.Names(main=main, keys=f"{main}_keys")


def _own_settings(name: str, state: Path) -> dict[str, str]:
    kept = state / "secrets.json"
    if not kept.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        databases.write_private(kept, json.dumps(made))
    folders = {key: state / folder for key, folder in FOLDERS.items()}
    for folder in folders.values():
        folder.mkdir(mode=0o700, exist_ok=True)
    return {
        **json.loads(kept.read_text()),
        **{key: folder.as_uri() for key, folder in folders.items()},
        "PORTAL_ENVIRONMENT": "demo" if name == "demo" else "test",
        "SMTP_URL": os.environ.get("SMTP_URL", "mailbox:"),
        "RQ_PREFIX": f"portal-{name}",
    }


def _redis_version(url: str) -> str:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as connection:
            found = connection.info("server")
    except redis.RedisError as error:
        raise CannotGoOnError(f"REDIS_URL does not answer: {error}") from error
    version = str(found["redis_version"])
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        raise CannotGoOnError(f"REDIS_URL names Redis {version}; the portal needs 6.2 or newer.")
    return version
