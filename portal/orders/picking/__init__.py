"""Pick lists: what is fetched from the shelves of a location for many orders, scanned unit by unit."""
