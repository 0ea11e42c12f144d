"""What people type, brought to one form, so that it can be compared and indexed.

Every function is pure, takes what a form, a file or a channel brought, and returns the text that stands in a `..._key` column
(`COLLATE "C"`, so that `>= key` and `< next_key(key)` is an index range whose operators are leakproof) or None when nothing is left.
A key never holds NUL, control characters, lone surrogates or surrounding space, and never more than KEY_LENGTH characters
(a B-tree entry must stay below 2,704 bytes).

    email_key(" Anna@Example.COM ")          -> "anna@example.com"
    phone_key("0171 / 234 56 78", "DE")      -> "491712345678"       (E.164 digits, no plus)
    phone_tail_key("491712345678")           -> "876543217194"       (reversed, for "ends with")
    name_key("Müller-Lüdenscheidt", "Anna")  -> "muller-ludenscheidt anna"
    postcode_key("sw1a 1aa")                 -> "SW1A1AA"
    code_key(" ab-12 x ")                    -> "AB-12X"             (SKU, order number, external number)
    tracking_key("1Z 999-AA1 01")            -> "1Z999AA101"         (barcode and tracking number: letters and digits only)
"""

import re
import unicodedata

import phonenumbers

KEY_LENGTH = 200
SHORTEST_PHONE = 4

# Letters that carry no combining mark, so decomposition alone leaves them as they are.
PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
)
APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "‘": "'", "`": "'", "´": "'"})
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))


def email_key(text: str | None) -> str | None:
    """Lower case and without space. Dots and plus tags stay: they are different mailboxes to most providers."""
    return _key("".join(clean(text).split()).casefold())


def is_email(text: str) -> bool:
    """Whether it can be an e-mail address: something, one at sign, something, without space."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


def phone_key(text: str | None, country: str | None = None) -> str | None:
    """E.164 digits where the number can be read in `country` (ISO 3166 alpha-2), else the digits as typed without 00 or leading zeros."""
    typed = clean(text)
    try:
        number = phonenumbers.parse(re.sub(r"^\s*00", "+", typed), (country or "").upper() or None)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_possible_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).lstrip("+")
    digits = phone_digits(typed)
    return _key(digits) if len(digits) >= SHORTEST_PHONE else None


def phone_tail_key(key: str | None) -> str | None:
    """The phone key read backwards: a number typed without its country, or only its end, is a prefix of this."""
    return key[::-1] if key else None


def phone_digits(text: str | None) -> str:
    """The digits alone, in any script, without the zeros in front that stand for a trunk or an exit code."""
    digits = "".join(str(unicodedata.digit(c)) for c in clean(text) if unicodedata.category(c) == "Nd")
    return digits.lstrip("0")


def name_key(surname: str | None, given: str | None = None) -> str | None:
    """The surname, then the given name, without accents, case and doubled space. Names in other scripts stay in their script."""
    return _key(fold(f"{clean(surname)} {clean(given)}"))


def full_name_keys(text: str | None) -> list[str]:
    """The keys a name typed in one field may stand under: as typed (surname first), and with its last word in front."""
    words = fold(clean(text).replace(",", " ")).split()
    if not words:
        return []
    typed, turned = " ".join(words), " ".join([words[-1], *words[:-1]])
    return [key for key in dict.fromkeys([_key(typed), _key(turned)]) if key]


def full_name_key(text: str | None) -> str | None:
    """The one key a name typed in one field is stored under: its last word, taken for the surname, in front."""
    keys = full_name_keys(text)
    return keys[-1] if keys else None


def postcode_key(text: str | None) -> str | None:
    return _key(letters_and_digits(clean(text)).upper())


def code_key(text: str | None) -> str | None:
    """Upper case and without space; punctuation stays, because AB-1 and AB1 may be two products."""
    return _key("".join(clean(text).translate(DASHES).split()).upper())


def tracking_key(text: str | None) -> str | None:
    return _key(letters_and_digits(clean(text)).upper())


def fold(text: str) -> str:
    """Without accents and case, spaces single: the form in which two people would call two names the same."""
    lowered = text.casefold().translate(PLAIN_LETTERS).translate(APOSTROPHES).translate(DASHES)
    decomposed = unicodedata.normalize("NFKD", lowered)
    bare = "".join(c for c in decomposed if unicodedata.category(c) != "Mn" or not _is_latin_mark(c))
    return " ".join(unicodedata.normalize("NFC", bare).casefold().split())


def clean(text: str | None) -> str:
    """NFKC (full-width forms become plain ones), without control, format and surrogate characters."""
    if not text:
        return ""
    composed = unicodedata.normalize("NFKC", text[: KEY_LENGTH * 4])
    spaced = (" " if c.isspace() else c for c in composed)
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))


def letters_and_digits(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def next_key(prefix: str) -> str:
    """The smallest text after everything that begins with `prefix`, in the order of `COLLATE "C"` (code points)."""
    for position in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[position]) + 1
        if following == 0xD800:
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix[:position] + chr(following)
    raise ValueError("no text comes after this prefix")


def _is_latin_mark(mark: str) -> bool:
    """Combining marks of the European scripts; vowel signs of others (Hebrew, Arabic, Thai, Devanagari) carry meaning."""
    return "̀" <= mark <= "ͯ"


def _key(text: str) -> str | None:
    composed = unicodedata.normalize("NFKC", text)
    return composed[:KEY_LENGTH].strip() or None
