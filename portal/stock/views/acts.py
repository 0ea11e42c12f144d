"""What a person can do with units that may not be sold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from portal.stock.acting import Begun
from portal.stock.services import put_back, set_aside, write_off


@dataclass(frozen=True, slots=True)
class Act:
    """An entry of the choice: its words, the service behind it, and where the units come from or go to."""

    words: str
    service: Callable[..., Begun]
    place: str

    @property
    def taken_from(self) -> str:
        """The figure of a level that must have the units."""
        return "available" if self.service is set_aside else self.place


ACTS: Final = {
    "quarantine": Act("Put into quarantine", set_aside, "quarantine"),
    "damage": Act("Set aside as damaged", set_aside, "damaged"),
    "release": Act("Put back on sale, from quarantine", put_back, "quarantine"),
    "release-damaged": Act("Put back on sale, from damaged", put_back, "damaged"),
    "write-off": Act("Write off, from the shelf", write_off, "available"),
    "write-off-quarantine": Act("Write off, from quarantine", write_off, "quarantine"),
    "write-off-damaged": Act("Write off, from damaged", write_off, "damaged"),
}
WHERE: Final = {"available": "available", "quarantine": "in quarantine", "damaged": "damaged"}
