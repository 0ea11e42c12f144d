"""Payments through gateways: take, give back, links to pay, disputes, payouts, notices."""

from __future__ import annotations
