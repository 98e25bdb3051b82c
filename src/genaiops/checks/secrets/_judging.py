"""Whether what has a secret's form is one: checksums that the givers of keys build in, and what chance looks like."""

import base64
import binascii
import hashlib
import json
import math
import re
import string
import zlib
from collections.abc import Sequence
from typing import Final

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE58: Final = {
    char: index for index, char in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}
_BECH32: Final = {char: index for index, char in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_STANDING_IN: Final = """
    example placeholder changeme change_me change-me redacted your_ your- yourapi dummy sample insert replace
    abcdefghij qwertz *** ... < ${ {{ xxxx 0000000000 1234567890123456
"""
_STAND_INS: Final = tuple(_STANDING_IN.split())
"""What stands in documentation where a secret would."""
_DIGEST: Final = re.compile(r"(?:sha|md)\d{1,3}[=:-]")
_LOOKED_AT: Final = 400
_TERMS: Final = (0.0, *(count * math.log2(count) for count in range(1, _LOOKED_AT + 1)))
_PLAIN: Final = """
    pass passwd password passphrase passwort secret user username guest root admin test demo foo bar none null nil true
    false undefined string str bytes required optional token pwd hidden mypassword my-password my_password password1
    password123 secretpassword some-password
"""
_PLAIN_WORDS: Final = frozenset(_PLAIN.split())
_CHAIN: Final = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|->|::|/|-)[A-Za-z_$][\w$]*)*")
_VARIABLE: Final = re.compile(r"[$%@#&]?[A-Z][A-Z_]*%?|[$%][\w.:-]+%?|[*&]+[A-Za-z]\w*")
_SYMBOLS: Final = frozenset("!@#$%^&*+=?~|")
_LEAST_BITS: Final = 2.8


def entropy(value: str) -> float:
    """Bits a character, of the characters that occur (C. Shannon, 1948)."""
    size = len(value)
    if not size:
        return 0.0
    if size > _LOOKED_AT:
        return math.log2(size) - sum(count * math.log2(count) for count in map(value.count, set(value))) / size
    return math.log2(size) - sum(map(_TERMS.__getitem__, map(value.count, set(value)))) / size


def _varies(value: str, bits: float) -> bool:
    """Its entropy is at least that. The number of different characters bounds it, from below where one of them has all
    that the others leave, so that the sum over them is seldom needed."""
    size, kinds = len(value), len(set(value))
    if not kinds or kinds < 2**bits:
        return False
    most = size - kinds + 1
    return math.log2(size) - most * math.log2(most) / size >= bits or entropy(value) >= bits


def stands_in(value: str) -> bool:
    """A placeholder, or the digest of something that is no secret."""
    small = value[:_LOOKED_AT].lower()
    return len(set(small)) < 4 or _DIGEST.match(small) is not None or any(map(small.__contains__, _STAND_INS))


def varied(value: str) -> bool:
    """As varied as what is drawn by chance: for texts whose form already says what they are."""
    return _varies(value, _LEAST_BITS) and not stands_in(value)


def opaque(value: str) -> bool:
    """Drawn by chance, as far as one can tell: what has no form of its own. Words, numbers, slugs, dates, versions and
    names of a program are not."""
    kinds = value.translate(_KINDS)
    if "0" not in kinds and ("a" not in kinds or "A" not in kinds) and len(_UNSPEAKABLE.findall(value)) < 2:
        return False
    if "://" in value or not _varies(value, _LEAST_BITS) or stands_in(value):
        return False
    runs = kinds.split()
    whole = "".join(runs)
    by_chance = any(len(run) >= 8 and _shuffled(run) for run in runs) or (len(whole) >= 16 and _shuffled(whole))
    if not by_chance:
        by_chance = 16 <= len(whole) >= 0.9 * len(value) and len(_UNSPEAKABLE.findall(value)) >= 2
    return by_chance and not _is_name(value, kinds)


def _is_name(value: str, kinds: str) -> bool:
    """A name in a program, of a file or of a resource, a condition, or the print of a certificate. Names in capitals
    and small letters are of words and numbers; characters drawn by chance leave single letters everywhere."""
    if value.startswith("arn:") or "||" in value or ("." in value[-5:] and _FILE.search(value[-6:])):
        return True
    if ("=" in value.rstrip("=") and _COMPARED.search(value)) or (value.count(":") > 3 and _PRINT.search(value)):
        return True
    if "a" not in kinds or "A" not in kinds or _NAMED.fullmatch(value) is None:
        return False
    words = _WORD.findall(value)
    return sum(map(len, words)) >= 3.2 * len(words) and len(_UNSPEAKABLE.findall(value)) < 2


_NAMED: Final = re.compile(
    r"(?:[A-Z]?[a-z]{2,}+|[A-Z]{2,}+|[A-Za-z]?[0-9]{1,4}+(?![0-9])|\b[A-Za-z]\b|[^A-Za-z0-9]++)++"
)
"""Possessive: what was read is not read in another way, so that it is linear in the text."""
_WORD: Final = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_FILE: Final = re.compile(r"\w\.[a-z]{1,4}\Z")
_COMPARED: Final = re.compile("[=!]=[^=]")
_PRINT: Final = re.compile("(?:[0-9A-F]{2}:){4}")
_UNSPEAKABLE: Final = re.compile("(?:[b-df-hj-np-tv-xz]{4,}|[B-DF-HJ-NP-TV-XZ]{4,})")
"""Consonants as no word has them twice: letters drawn by chance, where digits are few or none."""

_NAMING: Final = """
    chatcmpl call msg run req resp thread file asst toolu fp evt event batch step session sess trace span job task item
    user org proj project vs img image doc rs fc ws cmpl embd gen id commit build layer sha md etag rev
"""
_NAMES: Final = frozenset(_NAMING.split())
"""Prefixes of names, which tell things apart and open nothing."""


_SAYING: Final = frozenset(
    ["apikey", "key", "live", "oauth", "pat", "production", "rk", "sandbox", "secret", "sk", "token"]
)
"""Parts of a prefix that say what follows."""


def looks_drawn(value: str) -> bool:
    """A key by its looks alone: letters and digits come as chance has them, all over it or behind a prefix. Names of
    things (calls, messages, files) look like it; their prefixes are known. Digits stand at two places at least, and
    separators are few, so that names in programs are none."""
    first, *rest = value.replace("-", "_").split("_")
    tail = "".join(rest)
    body = first + tail
    kinds = body.translate(_KINDS)
    if len(_DIGITS.findall(kinds)) < 2 or len(rest) > len(tail) // 10 + 2:
        return False
    if first in _NAMES or stands_in(value) or (first not in _SAYING and _is_dated(body)):
        return False
    return _behind_prefix(first, rest, tail) or (len(rest) <= len(body) // 10 + 1 and _drawn(body, kinds))


_DATED: Final = re.compile("[a-z]*?(01[0-9a-hjkmnp-tv-z]{24})|[A-Z]*?(01[0-9A-HJKMNP-TV-Z]{24})")
"""A ULID, alone or behind the name of what it numbers (TypeID): 48 bits of milliseconds, which begin with 01 from 2005
to 2039, and 80 bits of chance. Of keys drawn by chance every thousandth has that form."""


def _is_dated(body: str) -> bool:
    return _DATED.fullmatch(body) is not None


def _behind_prefix(first: str, rest: Sequence[str], tail: str) -> bool:
    """24 characters at least in which capitals, small letters and digits are mixed; capitals may be missing where the
    prefix says that it is a key."""
    kinds = tail.translate(_KINDS)
    if not first[0].islower() or not 2 <= len(first) <= 12 or len(tail) < 24 or "a" not in kinds:
        return False
    if first in _SAYING or (len(rest) > 1 and rest[0] in _SAYING):
        return _changing(kinds) >= 0.2 and len(_DIGITS.findall(kinds)) > 1
    return "A" in kinds and "0" in kinds and _changing(kinds) >= 0.35 and _varies(tail, 4.0)


def _drawn(body: str, kinds: str) -> bool:
    """Without a prefix. Hexadecimal digits of one case are mostly digests, and 64 or 76 characters mostly lines of
    base64 (RFC 7468, RFC 2045): neither is taken."""
    size = len(body)
    if size < 28 or size in (64, 76) or kinds.count("0") > 0.6 * size:
        return False
    if kinds.count("a") > 3 and kinds.count("A") > 3:
        return _changing(kinds) >= 0.4 and _varies(body, 3.5)
    return size >= 30 and _HEX.fullmatch(body) is None and _changing(kinds) >= 0.24 and _varies(body, 3.5)


def _changing(kinds: str) -> float:
    """The share of neighbours that are of two kinds."""
    return sum(map(kinds.count, _CHANGES)) / (len(kinds) - 1)


_DIGITS: Final = re.compile("0+")
_HEX: Final = re.compile("[0-9a-f]*|[0-9A-F]*")
_KINDS: Final = {
    code: "a" if chr(code).islower() else "A" if chr(code).isupper() else "0" if chr(code).isdigit() else " "
    for code in range(0x100)
}
_CHANGES: Final = ("a0", "0a", "A0", "0A", "aA", "Aa")


def _shuffled(kinds: str) -> bool:
    """Changes between lower case, upper case and digits come as often as chance has them: among base 62 every second
    character, among hexadecimal digits as well, in a camel-case name every sixth. `kinds`: one letter a character."""
    least = 0.33
    if "0" in kinds:
        least = 0.2 if len(kinds) < 24 else 0.15
    elif len(kinds) < 20:
        return False
    return sum(map(kinds.count, _CHANGES)) >= max(1, least * (len(kinds) - 1))


def chosen(value: str) -> bool:
    """A password somebody may have: letters, and digits or symbols, that are neither a placeholder nor code."""
    if stands_in(value) or value.lower() in _PLAIN_WORDS or _VARIABLE.fullmatch(value):
        return False
    letters = any(char.isalpha() for char in value)
    others = any(char.isdigit() or char in _SYMBOLS for char in value)
    if not letters or not others:
        return False
    return _CHAIN.fullmatch(value) is None or (any(map(str.isdigit, value)) and not re.search(r"[._:>]", value))


def said(value: str) -> bool:
    """A password in a sentence: stricter, for words follow there as well."""
    return chosen(value) and any(char.isdigit() for char in value) and not value[0].isdigit()


def crc32_base62(value: str) -> bool:
    """The last six characters are the CRC-32 of those after the prefix, in base 62 (GitHub, npm)."""
    body = value.rpartition("_")[2]
    return _as_base62(zlib.crc32(body[:-6].encode())) == body[-6:]


def _as_base62(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0")


def crc32_hex(value: str) -> bool:
    """The last eight characters are the CRC-32 of all before the last underscore, in hexadecimal (Grafana)."""
    body, _, told = value.rpartition("_")
    return f"{zlib.crc32(body.encode()):08x}" == told.lower()


def base58_check(value: str) -> bool:
    """The last four bytes are those of a double SHA-256 (Bitcoin)."""
    number = 0
    for char in value:
        number = number * 58 + _BASE58[char]
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def bech32(value: str) -> bool:
    """The last six characters are the checksum of all (BIP 173)."""
    prefix, _, data = value.lower().rpartition("1")
    state = 1
    expanded = [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix)]
    for digit in [*expanded, *(_BECH32.get(char, 0) for char in data)]:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ digit
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= generator if top >> bit & 1 else 0
    return state == 1


def json_header(value: str) -> bool:
    """A JSON Web Token whose header can be read and names an algorithm (RFC 7515)."""
    header = decoded(value.partition(".")[0])
    try:
        read = json.loads(header)
    except ValueError:
        return False
    return isinstance(read, dict) and "alg" in read


def user_and_password(value: str) -> bool:
    """Base64 of `user:password` (RFC 7617)."""
    text = decoded(value)
    user, colon, password = text.partition(b":")
    return bool(user and colon and password) and text.isascii() and text.decode("ascii").isprintable()


def decoded(value: str) -> bytes:
    """Of base64 in either alphabet, padded or not; empty when it is none."""
    try:
        return base64.b64decode(value.rstrip("=").translate(_STANDARD) + "=" * (-len(value.rstrip("=")) % 4))
    except binascii.Error:
        return b""


_STANDARD: Final = str.maketrans("-_", "+/")


def key_block(value: str) -> bool:
    """A block with a key in it, not the line alone that begins one."""
    body = re.sub(r"-----[^-]{0,60}-----|\\[nr]|[^A-Za-z0-9+/=]", "", value)
    return len(body) >= 32 and _varies(body, 3.5) and not stands_in(body)


CHECKSUMS: Final = frozenset({crc32_base62, crc32_hex, base58_check, bech32, json_header, user_and_password})
"""Those that chance seldom passes."""
