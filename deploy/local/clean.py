"""Stop what still runs on this checkout's own data, then delete that data. Environment and vendor files stay."""

from __future__ import annotations

import shutil

from deploy.local.layout import STATE, say, server_directory
from deploy.local.servers import Servers


def main() -> None:
    names = (
        [path.name for path in STATE.iterdir() if path.is_dir() and path.name != "locks"]
        if STATE.exists()
        else []
    )
    for name in names:
        servers = server_directory(name)
        Servers(name, directory=servers / "servers").stop()
        shutil.rmtree(servers)
        shutil.rmtree(STATE / name, ignore_errors=True)
        say(f"Deleted the data of {name}.")
    shutil.rmtree(STATE, ignore_errors=True)


if __name__ == "__main__":
    main()
