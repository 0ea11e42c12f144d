"""Orders that staff compose: on the phone, at the desk. A draft becomes an order when it is placed."""
