"""The text of a key: `gok_<26 characters of its id>_<43 random characters>`. Only its SHA-256 is kept."""

import hashlib
import re
import secrets

_PREFIX = "gok_"
_ID = "key_"
_SHAPE = re.compile(r"gok_([0-9a-z]{26})_[A-Za-z0-9_-]+")
_RANDOM_BYTES = 32  # 43 characters


def make(key_id: str) -> str:
    return f"{_PREFIX}{key_id.removeprefix(_ID)}_{secrets.token_urlsafe(_RANDOM_BYTES)}"


def key_id_of(text: str) -> str | None:
    """The id of the key that the text is a secret of; None when it is no text of a key."""
    match = _SHAPE.fullmatch(text)
    return None if match is None else _ID + match[1]


def digest_of(text: str) -> str:
    """Hexadecimal. A plain hash is enough: the text has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def hint_of(text: str) -> str:
    """What may be shown of a key, to tell it from others."""
    return f"{text[:8]}...{text[-4:]}"
