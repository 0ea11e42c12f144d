"""Vouchers: what they take off, when they may be used, and that none is used too often."""
