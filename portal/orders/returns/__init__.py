"""The returns desk: goods on their way back, from the request to the refund or the refusal."""
