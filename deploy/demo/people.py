"""Fictional people. Names are drawn from short lists of ours, mail goes to example.com, and phone numbers are of the
ranges that Ofcom keeps for drama: 07700 900000 to 900999 and 020 7946 0000 to 0999. Nobody can be reached by them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

GIVEN: Final = tuple(
    """
    Agnes Aidan Alasdair Amara Anjali Anwen Bethan Callum Cerys Chidi Clara Daria Dilys Edith Eilidh Elspeth Emeka Esther
    Farah Fergus Fiona Gareth Grace Hamish Hanna Harriet Hazel Hugh Imogen Imran Isla Ivor Jamal Joan Kavita Keir Kofi
    Leila Lewis Lucia Mabel Magnus Marta Meera Mohan Morag Nadia Naomi Niall Nina Olu Owen Padma Petra Rafi Rhian Rohan
    Rosa Ruby Samira Sean Selma Sioned Stella Tariq Tegan Tobias Una Verity Wilf Winston Yusuf Zainab
    """.split()
)
FAMILY: Final = tuple(
    """
    Abara Ahmed Ashdown Baines Baxter Bevan Blackwood Bose Brennan Brook Campbell Chaudhry Cole Davies Dhillon Doherty
    Drummond Eze Fairley Farrow Fenwick Gill Greenhalgh Griffiths Hale Hargreaves Hassan Hewitt Hope Hussain Iqbal Jarvis
    Kaur Kerr Khatun Lloyd Lockhart Lomas MacLeod Malik Marsh Mensah Mistry Morgan Nair Ndlovu Okafor Osei Parry Patel
    Pemberton Pritchard Quigley Ramsey Rashid Rees Rowan Sandhu Sharma Sinclair Stirling Tate Thorne Trevelyan Vaughan
    Wallace Whitlock Wren Yeo
    """.split()
)
# A name in the script its bearer writes it in, the local part of the address, and the country.
OTHER_SCRIPTS: Final = (
    ("李 娜", "li.na", "SG"), ("王 小明", "wang.xiaoming", "HK"), ("佐藤 さくら", "sato.sakura", "JP"), ("高橋 健", "takahashi.ken", "JP"),
    ("김 서연", "kim.seoyeon", "GB"), ("محمد الأحمد", "m.alahmad", "GB"), ("ليلى حداد", "layla.haddad", "FR"), ("Ελένη Παπαδάκη", "eleni.papadaki", "MT"),
    ("Анна Коваль", "anna.koval", "PL"), ("Дмитро Шевчук", "d.shevchuk", "DE"), ("नेहा शर्मा", "neha.sharma", "GB"), ("দীপা সেন", "dipa.sen", "GB"),
    ("דנה לוי", "dana.levi", "BE"), ("Zoë Ångström", "zoe.angstrom", "NO"), ("Łukasz Żak", "lukasz.zak", "PL"), ("Núria Peña i Solé", "nuria.pena", "ES"),
)  # fmt: skip
TOWNS: Final = (
    ("Leeds", "LS"), ("Bristol", "BS"), ("Cardiff", "CF"), ("Glasgow", "G"), ("Norwich", "NR"), ("York", "YO"), ("Exeter", "EX"),
    ("Sheffield", "S"), ("Lancaster", "LA"), ("Swansea", "SA"), ("Dundee", "DD"), ("Bath", "BA"), ("Durham", "DH"), ("London", "SE"),
)  # fmt: skip
STREETS: Final = tuple(
    "Alder Beech Bridge Castle Chapel Church Coronation Elm Ferry Garden Harbour Hill Kiln Lantern Mill Orchard Quay Station".split()
)
ABROAD: Final = {
    "DE": ("Hamburg", "20{:03d}"), "FR": ("Nantes", "44{:03d}"), "IE": ("Cork", "T12 X{:03d}"), "ES": ("Valencia", "46{:03d}"),
    "BE": ("Gent", "9{:03d}"), "PT": ("Porto", "4{:03d}-001"), "NO": ("Bergen", "5{:03d}"), "CH": ("Bern", "3{:03d}"), "AT": ("Graz", "8{:03d}"),
    "PL": ("Gdansk", "80-{:03d}"), "DK": ("Odense", "5{:03d}"), "MT": ("Sliema", "SLM 1{:03d}"), "SG": ("Singapore", "238{:03d}"),
    "JP": ("Kobe", "650-0{:03d}"), "HK": ("Hong Kong", "999{:03d}"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does not exist."""

    name: str
    email: str
    phone: str
    line1: str
    city: str
    postcode: str
    country_code: str

    def as_contact(self) -> dict[str, str]:
        """The values of a customer."""
        return {
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "country_code": self.country_code,
        }

    def as_address(self) -> dict[str, str]:
        """The values of an address."""
        return {
            "name": self.name, "line1": self.line1, "city": self.city, "postcode": self.postcode, "country_code": self.country_code,
            "phone": self.phone,
        }  # fmt: skip


class Crowd:
    """People one after another, the same for the same seed, no two with one address or number."""

    def __init__(self, seed: int) -> None:
        self._pick = random.Random(seed)
        self._count = 0
        self._phones = [f"07700 900{n:03d}" for n in range(1000)] + [
            f"020 7946 0{n:03d}" for n in range(1000)
        ]
        self._pick.shuffle(self._phones)

    def somebody(self, country: str = "GB") -> Person:
        """The next person, who lives in a country."""
        self._count += 1
        pick = self._pick
        foreign = [each for each in OTHER_SCRIPTS if each[2] == country]
        if foreign and pick.random() < (0.04 if country == "GB" else 0.5):
            name, local, _ = pick.choice(foreign)
        else:
            given, family = pick.choice(GIVEN), pick.choice(FAMILY)
            name, local = f"{given} {family}", f"{given}.{family}".lower()
        town, code = self._place(country)
        return Person(
            name, f"{local}.{self._count}@example.com", self._phones[self._count % len(self._phones)],
            f"{pick.randrange(1, 190)} {pick.choice(STREETS)} {pick.choice(('Street', 'Road', 'Lane', 'Terrace'))}", town, code, country,
        )  # fmt: skip

    def _place(self, country: str) -> tuple[str, str]:
        if country in ABROAD:
            town, pattern = ABROAD[country]
            return town, pattern.format(self._pick.randrange(100, 1000))
        town, area = self._pick.choice(TOWNS)
        letters = "ABDEFGHJLNPQRSTUWXYZ"
        return (
            town,
            f"{area}{self._pick.randrange(1, 20)} {self._pick.randrange(1, 10)}{self._pick.choice(letters)}{self._pick.choice(letters)}",
        )
