"""Channels: the outside shops we sell through. Stock and prices go out, orders come in."""
