"""The processes that do the work: workers that hear the bell, and the one scheduler."""
