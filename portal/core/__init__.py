"""Ground floor: what every domain stands on. It has no screens and imports no domain."""
