"""How a key that is not a string is written as one, the same in every language.

    str                as it is
    anything else      PREFIX and then, by type:
      None             n
      bool             t or f
      int              i, then the number in decimal: i-42
      float            d, then the 16 hexadecimal digits of its IEEE 754 bits, big-endian
      bytes            b, then two lower-case hexadecimal digits for each byte
      str in a tuple   s, the number of its bytes in UTF-8, a colon, the text: s3:abc
      tuple            (, its members one after another, each followed by a comma, )

So no two values have the same encoding: 1, 1.0, True and "1" are four keys. As a string
is a key as it is, one that begins with PREFIX is refused.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from .errors import LockInvalidError

PREFIX = "holdfast:1:"

# Of the API, in bytes of UTF-8.
LONGEST_KEY = 512


def encode_key(key: Any) -> str:
    """The lock's key on the server.

    TypeError: a type that has no encoding. LockInvalidError: longer than 512 bytes, empty,
    a string that is no text or that looks like an encoding, or a NaN.
    """
    if isinstance(key, str):
        if key.startswith(PREFIX):
            raise LockInvalidError(f"a key cannot begin with {PREFIX!r}: it marks encoded keys")
        encoded = str(key)
    else:
        encoded = PREFIX + _encode(key)
    try:
        length = len(encoded.encode())
    except UnicodeEncodeError:
        raise LockInvalidError(f"key {key!r} is not text: it has a lone surrogate") from None
    if not 1 <= length <= LONGEST_KEY:
        raise LockInvalidError(
            f"a key has 1 to {LONGEST_KEY} bytes, and this one has {length}"
            + (" when it is encoded" if encoded != key else "")
        )
    return encoded


def _encode(value: Any) -> str:
    if value is None:
        return "n"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return f"i{int(value)}"
    if isinstance(value, float):
        if math.isnan(value):
            raise LockInvalidError("a NaN cannot be a key: it is not equal to itself")
        return "d" + struct.pack(">d", value).hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, str):
        return f"s{len(value.encode('utf-8', 'surrogatepass'))}:{value}"
    if isinstance(value, tuple):
        return "(" + "".join(_encode(member) + "," for member in value) + ")"
    raise TypeError(
        "a key is a str, bytes, int, float, bool, None or a tuple of these, and not "
        f"{type(value).__name__}"
    )
