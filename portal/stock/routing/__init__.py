"""From where an order ships: the merchant's rules, the plan they give, and the page that tries them."""
