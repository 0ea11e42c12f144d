"""Stripe, through its own SDK."""

from portal.orders.gateways.stripe.client import StripeGateway

__all__ = ["StripeGateway"]
