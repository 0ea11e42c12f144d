"""Units that are missing: a case for each line, with its ways out."""
