"""One folder for each kind of shop we can speak to."""
