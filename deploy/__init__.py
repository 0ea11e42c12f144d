"""How the portal comes onto machines."""
