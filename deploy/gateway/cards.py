"""The cards one can pay with, by name. There are no card numbers here at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Card:
    """What happens to who pays with it."""

    token: str
    label: str
    brand: str
    last_four: str
    code: str | None = None
    is_disputed: bool = False
    refunds_wait: bool = False


CARDS: Final = {
    card.token: card
    for card in (
        Card("tok_visa", "Visa that works", "visa", "4242"),
        Card("tok_mastercard", "Mastercard that works", "mastercard", "4444"),
        Card("tok_declined", "Visa the bank declines", "visa", "0002", code="declined"),
        Card(
            "tok_no_money", "Mastercard without enough money", "mastercard", "9995", code="insufficient_funds"
        ),
        Card("tok_expired", "Visa that has expired", "visa", "0069", code="expired_card"),
        Card("tok_disputed", "Visa whose owner disputes the payment", "visa", "0259", is_disputed=True),
        Card(
            "tok_slow_refund", "Mastercard whose refunds take days", "mastercard", "7726", refunds_wait=True
        ),
    )
}
