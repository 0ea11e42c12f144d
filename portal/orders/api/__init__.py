"""Orders for programs: place one, read one, list them. Answers hold no personal data."""
