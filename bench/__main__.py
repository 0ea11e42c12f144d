"""``make bench NAME=…``: runs one bench; without a name, lists them."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def benches() -> dict[str, str]:
    """The benches by the name they are called with, and the first sentence each says of itself.

    A bench is a module with a ``main`` that tells itself ``make bench NAME=its-own-name``.
    """
    found = {}
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words, name = ast.get_docstring(tree) or "", path.stem.replace("_", "-")
        has_main = any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
        if has_main and f"make bench NAME={name}" in words:
            found[name] = (
                " ".join(words.split("\n\n")[0].split()).split(f": ``make bench NAME={name}``")[0].rstrip(".")
            )
    return found


def main() -> int | None:
    known = benches()
    wanted, *rest = sys.argv[1:] or [""]
    if wanted not in known:
        print(f"There is no bench called {wanted}. There are:" if wanted else "Say which: make bench NAME=…")
        for name, words in known.items():
            print(f"  {name:<16} {words}")
        return 2 if wanted else 0
    sys.argv = [wanted, *rest]
    result: int | None = importlib.import_module(f"bench.{wanted.replace('-', '_')}").main()
    return result


if __name__ == "__main__":
    raise SystemExit(main())
