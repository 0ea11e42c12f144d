"""Where the folders of a checkout lie; all absolute, all required."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
MIGRATIONS = ROOT / "migrations"
# Gathered by set-up; only documents need them, so the app starts without.
FONTS = ROOT / "fonts"


def missing_folders() -> list[Path]:
    """Folders the app cannot run without and that are not there."""
    return [folder for folder in (TEMPLATES, STATIC, MIGRATIONS) if not folder.is_dir()]
