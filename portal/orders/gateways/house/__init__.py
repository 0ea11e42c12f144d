"""The practice gateway: a server of our own that moves no money."""

from portal.orders.gateways.house.client import HouseGateway

__all__ = ["HouseGateway"]
