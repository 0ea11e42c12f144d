"""Who works here and what they may do: merchants, users, roles, sign-in."""
