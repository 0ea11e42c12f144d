"""``flask users …``: what an operator does before anyone can sign in."""

from __future__ import annotations

import click
import sqlalchemy as sa
from flask import Flask
from flask.cli import AppGroup

from portal.accounts.models import Merchant
from portal.accounts.passwords import weakness
from portal.accounts.permissions import BUILT_IN_ROLES
from portal.accounts.queries import user_by_email
from portal.accounts.roles import role_by_key, seed_roles
from portal.accounts.services import add_member, create_merchant, create_user
from portal.core.audit import Actor
from portal.core.database import db, merchant_scope
from portal.core.errors import DomainError

users = AppGroup("users", help="Merchants, the people who sign in, and their roles.")

OPERATOR = Actor(kind="system", id=None, name="command line")


@users.command("create-merchant")
@click.argument("slug")
@click.option("--name", required=True, help="As people read it.")
@click.option("--country", required=True, help="Two letters, such as GB.")
@click.option("--currency", required=True, help="Three letters, such as GBP.")
@click.option("--locale", default="en_GB", show_default=True)
@click.option("--time-zone", default="UTC", show_default=True, help="Such as Europe/London.")
@click.option("--prices-include-tax/--prices-exclude-tax", default=False, show_default=True)
def create_merchant_command(
    slug: str,
    name: str,
    country: str,
    currency: str,
    locale: str,
    time_zone: str,
    prices_include_tax: bool,
) -> None:
    """Create a merchant with the built-in roles."""
    with _plain_errors():
        merchant = create_merchant(
            name=name,
            slug=slug,
            country=country.upper(),
            currency=currency.upper(),
            locale=locale,
            time_zone=time_zone,
            prices_include_tax=prices_include_tax,
            by=OPERATOR,
        )
    click.echo(f"Merchant {merchant.id}: {merchant.name}")


@users.command("create-user")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--operator", is_flag=True, help="Runs the platform; gives no right in any merchant's shop.")
@click.password_option(help="Asked for when not given.")
def create_user_command(email: str, name: str, operator: bool, password: str) -> None:
    """Create someone who can sign in; `grant` says where they work."""
    weak = weakness(password, email=email, name=name)
    if weak:
        raise click.ClickException(weak)
    with _plain_errors():
        user = create_user(email=email, name=name, password=password, is_operator=operator)
        db.session.commit()
    click.echo(f"User {user.id}: {user.email}")


@users.command("grant")
@click.argument("email")
@click.argument("slug")
@click.argument("role", type=click.Choice([role.key for role in BUILT_IN_ROLES]))
def grant_command(email: str, slug: str, role: str) -> None:
    """Let a user work for a merchant, in a role."""
    user = user_by_email(email)
    if user is None:
        raise click.ClickException(
            f"Nobody signs in as {email}. Create them with: flask users create-user {email}"
        )
    user_id, merchant_id = user.id, _merchant_id(slug)
    db.session.rollback()
    with merchant_scope(merchant_id), _plain_errors():
        add_member(user_id, role_by_key(role).id, by=OPERATOR)
        db.session.commit()
    click.echo(f"{email} works for {slug} as {role}.")


@users.command("refresh-roles")
def refresh_roles_command() -> None:
    """Bring the built-in roles of every merchant up to this release; run it after an upgrade."""
    merchant_ids = db.session.scalars(sa.select(Merchant.id).order_by(Merchant.id)).all()
    db.session.rollback()
    for merchant_id in merchant_ids:
        with merchant_scope(merchant_id):
            seed_roles()
            db.session.commit()
    click.echo(f"{len(merchant_ids)} merchants brought up to date.")


def register_commands(app: Flask) -> None:
    app.cli.add_command(users)


def _merchant_id(slug: str) -> int:
    merchant_id = db.session.scalar(sa.select(Merchant.id).where(Merchant.slug == slug))
    if merchant_id is None:
        raise click.ClickException(
            f"There is no merchant {slug}. Create it with: flask users create-merchant {slug}"
        )
    return merchant_id


class _plain_errors:
    """A broken rule is a sentence on the command line, not a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DomainError):
            db.session.rollback()
            raise click.ClickException(error.message) from error
