"""The merchant's category tree. ``path`` holds the ids from the root, each followed by a slash, so a subtree is one range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from portal.catalog import typed
from portal.catalog.models import Category, ProductCategory
from portal.catalog.naming import free_slug, slug_of
from portal.catalog.uniqueness import unique
from portal.core.announcing import announce
from portal.core.audit import Actor
from portal.core.database import current_merchant_id, db
from portal.core.errors import DomainError
from portal.core.merging import merged
from portal.core.normalise import next_key

CATEGORY_FIELDS: Final = ("name", "slug", "description", "parent_id", "position")
SLUG_KEY: Final = "category_merchant_id_slug_key"
SLUG_TAKEN: Final = "Another category has this address. Change a word or add a number."
DEEPEST: Final = 12


def create_category(values: Mapping[str, Any], *, by: Actor) -> Category:
    """A new category, at the end of its siblings unless a place is given.

    Raises:
        DomainError: a value is wrong; ``field`` names it.
    """
    _lock_tree()
    wanted = _cleaned(values)
    parent = _parent(wanted["parent_id"])
    name = _name(wanted["name"])
    category = Category(
        name=name,
        slug=free_slug(slug_of(wanted["slug"] or name, "category"), Category),
        description=wanted["description"] or None,
        parent_id=parent.id if parent else None,
        position=_position(wanted["position"]),
    )
    with unique(SLUG_KEY, SLUG_TAKEN, field="slug"):
        db.session.add(category)
    category.path = f"{parent.path if parent else ''}{category.id}/"
    _require_depth(category.path)
    db.session.flush()
    _tell(category, "category.created", {}, category_values(category), by)
    return category


def change_category(
    category: Category, values: Mapping[str, Any], *, base: Mapping[str, Any], version: int, by: Actor
) -> None:
    """Save what a person typed, moving the category with all below it when its parent changed.

    Raises:
        StaleError: someone else changed the same field since the form was opened.
        DomainError: a value is wrong, or the category would stand below itself; ``field`` names it.
    """
    _lock_tree()
    db.session.refresh(category)
    now = category_values(category)
    mine = _cleaned(values)
    wanted = mine if category.version == version else merged(now, base, mine, version=category.version)
    changed = {name for name in wanted if wanted[name] != now[name]}
    if not changed:
        return
    with unique(SLUG_KEY, SLUG_TAKEN, field="slug"):
        category.name = _name(wanted["name"])
        if "slug" in changed:
            category.slug = slug_of(wanted["slug"] or wanted["name"], "category")
        category.description = wanted["description"] or None
        category.position = _position(wanted["position"])
        if "parent_id" in changed:
            _move(category, _parent(wanted["parent_id"]))
    _tell(
        category,
        "category.updated",
        {n: now[n] for n in sorted(changed)},
        {n: wanted[n] for n in sorted(changed)},
        by,
    )


def delete_category(category: Category, *, by: Actor) -> None:
    """Delete an empty category.

    Raises:
        DomainError: it holds products or categories.
    """
    _lock_tree()
    if (
        db.session.scalar(sa.select(Category.id).where(Category.parent_id == category.id).limit(1))
        is not None
    ):
        raise DomainError("This category holds others. Move or delete them first.")
    if (
        db.session.scalar(
            sa.select(ProductCategory.product_id).where(ProductCategory.category_id == category.id).limit(1)
        )
        is not None
    ):
        raise DomainError("This category holds products. Take them out first.")
    _tell(category, "category.deleted", category_values(category), {}, by)
    db.session.delete(category)
    db.session.flush()


def category_values(category: Category) -> dict[str, str]:
    """What the form shows, by field, as text."""
    return {
        "name": category.name,
        "slug": category.slug,
        "description": category.description or "",
        "parent_id": str(category.parent_id or ""),
        "position": str(category.position),
    }


def in_tree_order(categories: Sequence[Category]) -> list[tuple[int, Category]]:
    """Depth and category, parents before their children, siblings by place and name."""
    children: dict[int | None, list[Category]] = {}
    known = {category.id for category in categories}
    for category in categories:
        children.setdefault(category.parent_id if category.parent_id in known else None, []).append(category)
    ordered: list[tuple[int, Category]] = []
    waiting = [(0, each) for each in _siblings(children.get(None, []))[::-1]]
    while waiting:
        depth, category = waiting.pop()
        ordered.append((depth, category))
        waiting += [(depth + 1, each) for each in _siblings(children.get(category.id, []))[::-1]]
    return ordered


def _siblings(categories: Sequence[Category]) -> list[Category]:
    return sorted(categories, key=lambda each: (each.position, each.name.casefold(), each.id))


def _lock_tree() -> None:
    """One change of the tree at a time per merchant: two moves could else make a ring that neither saw."""
    db.session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("catalog.category"), current_merchant_id()))
    )


def _move(category: Category, parent: Category | None) -> None:
    old = category.path
    new = f"{parent.path if parent else ''}{category.id}/"
    if parent is not None and parent.path.startswith(old):
        raise DomainError("A category cannot stand below itself or below one of its own.", field="parent_id")
    below = sa.and_(Category.path >= old, Category.path < next_key(old))
    longest = (
        db.session.scalar(
            sa.select(
                sa.func.max(
                    sa.func.length(Category.path) - sa.func.length(sa.func.replace(Category.path, "/", ""))
                )
            ).where(below)
        )
        or 0
    )
    if longest + new.count("/") - old.count("/") > DEEPEST:
        raise DomainError(f"Categories stand at most {DEEPEST} deep.", field="parent_id")
    category.parent_id = parent.id if parent else None
    db.session.flush()
    db.session.execute(
        sa.update(Category)
        .where(below)
        .values(path=sa.func.concat(new, sa.func.substr(Category.path, len(old) + 1)))
        .execution_options(synchronize_session=False)
    )
    db.session.expire_all()


def _require_depth(path: str) -> None:
    if path.count("/") > DEEPEST:
        raise DomainError(f"Categories stand at most {DEEPEST} deep.", field="parent_id")


def _parent(text: str) -> Category | None:
    if not text:
        return None
    key = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    found = db.session.scalars(sa.select(Category).where(Category.id == key)).one_or_none()
    if found is None:
        raise DomainError("This category no longer exists. Choose another.", field="parent_id")
    return found


def _cleaned(values: Mapping[str, Any]) -> dict[str, str]:
    cleaned = {name: typed.text_of(values.get(name)) for name in CATEGORY_FIELDS}
    return cleaned | {"position": cleaned["position"] or "0"}


def _name(text: str) -> str:
    name = typed.short_text(text, "name", "The name", most=200)
    if not name:
        raise DomainError("Enter a name.", field="name")
    return name


def _position(text: str) -> int:
    return typed.whole(text, "position", "The place", most=100_000) or 0


def _tell(
    category: Category, action: str, before: Mapping[str, Any], after: Mapping[str, Any], by: Actor
) -> None:
    announce(
        action,
        by=by,
        subject=("category", category.id),
        before=before,
        after=after,
        event="category.changed",
        key=f"category:{category.id}",
        payload={"category_id": category.id},
    )
