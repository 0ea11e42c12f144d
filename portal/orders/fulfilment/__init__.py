"""How what was ordered reaches the buyer: parcels, collection, hand-over."""
