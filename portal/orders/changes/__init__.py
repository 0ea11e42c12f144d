"""Changes of orders: one engine for edit, cancel, refund, return, exchange, claim and goodwill."""
