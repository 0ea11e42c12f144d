"""The demo shops: three merchants with people, work in every queue, and one account per role."""
