"""Who works here and what they may do: merchants, users, roles, sign-in."""

from portal.accounts.setup import set_up as register

__all__ = ["register"]
