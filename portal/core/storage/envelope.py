"""Files of any size, encrypted piece by piece under a key of their own.

The file key is wrapped by the person's key or by the portal's and stands in the head of the file, so destroying the
person's key makes the file unreadable wherever a copy lies. Each piece carries its number and whether it is the last:
pieces cannot be changed, swapped, repeated or cut off without notice.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.core.ciphers import DecryptionError, new_key

MAGIC: Final = b"PRT1"
PIECE_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
_LENGTHS: Final = struct.Struct(">QH")

Wrap = Callable[[bytes], bytes]


def seal_stream(data: Iterable[bytes], wrap: Wrap, *, subject_id: int = 0) -> Iterator[bytes]:
    """The encrypted file: head, then pieces. *wrap* seals the file key."""
    key = new_key()
    wrapped = wrap(key)
    head = MAGIC + _LENGTHS.pack(subject_id, len(wrapped)) + wrapped
    yield head
    cipher = AESGCM(key)
    pieces = _pieces(data)
    piece, number = next(pieces, b""), 0
    while True:
        following = next(pieces, None)
        is_last = following is None
        yield cipher.encrypt(_nonce(number, is_last), piece, head)
        if following is None:
            return
        piece, number = following, number + 1


def unseal_stream(data: Iterator[bytes], unwrap: Callable[[int, bytes], bytes]) -> Iterator[bytes]:
    """The plain bytes of an encrypted file; *unwrap* gets the subject and the wrapped key.

    Raises:
        DecryptionError: the file was changed, cut off, or is none of ours. Pieces before the fault were genuine.
    """
    buffer = _Buffer(data)
    fixed = buffer.take(len(MAGIC) + _LENGTHS.size)
    if len(fixed) < len(MAGIC) + _LENGTHS.size or not fixed.startswith(MAGIC):
        raise DecryptionError("This file was not written by the portal.")
    subject_id, length = _LENGTHS.unpack(fixed[len(MAGIC) :])
    wrapped = buffer.take(length)
    cipher = AESGCM(unwrap(subject_id, wrapped))
    return _unsealed(buffer, cipher, fixed + wrapped)


def _unsealed(buffer: _Buffer, cipher: AESGCM, head: bytes) -> Iterator[bytes]:
    piece, number = buffer.take(PIECE_BYTES + TAG_BYTES), 0
    while True:
        following = buffer.take(PIECE_BYTES + TAG_BYTES)
        try:
            plain = cipher.decrypt(_nonce(number, not following), piece, head)
        except (InvalidTag, ValueError) as error:
            raise DecryptionError("This file was changed or cut off.") from error
        yield plain
        if not following:
            return
        piece, number = following, number + 1


def _nonce(number: int, is_last: bool) -> bytes:
    # The key serves one file, so a counter is a unique nonce.
    return number.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")


def _pieces(data: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in data:
        waiting += chunk
        while len(waiting) >= PIECE_BYTES:
            yield bytes(waiting[:PIECE_BYTES])
            del waiting[:PIECE_BYTES]
    if waiting:
        yield bytes(waiting)


class _Buffer:
    """Takes exact lengths out of a stream of pieces of any length."""

    def __init__(self, data: Iterator[bytes]) -> None:
        self._data = data
        self._waiting = bytearray()

    def take(self, length: int) -> bytes:
        while len(self._waiting) < length:
            more = next(self._data, None)
            if more is None:
                break
            self._waiting += more
        taken = bytes(self._waiting[:length])
        del self._waiting[:length]
        return taken
