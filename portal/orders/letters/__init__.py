"""What is written to and said with the customer of an order."""
