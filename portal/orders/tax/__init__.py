"""Tax: which rate applies where and to whom, the merchant's rates and rules, what a foreign currency is worth."""
