"""Credit of customers with the shop."""
