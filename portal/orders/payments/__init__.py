"""Payments through gateways: take, give back, links to pay, disputes, payouts, notices."""
