"""Properties of a call: what its client says about it, to be found again in traces. Never what limits are counted by.

Helicone's request headers (docs.helicone.ai, header directory) and OpenAI's `metadata` (at most 16 pairs, names of 64
and values of 512 characters) are understood; what is longer is cut, what is too much is left out, nothing is refused.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

MOST: Final = 32
LONGEST_NAME: Final = 64
LONGEST_VALUE: Final = 512
LABEL: Final = 256
"""Characters of an end user that nobody has signed."""

_PROPERTY = b"helicone-property-"
_NAMED = {
    b"helicone-user-id": "user_id",
    b"helicone-session-id": "session_id",
    b"helicone-session-path": "session_path",
    b"helicone-session-name": "session_name",
}
_ordinary: set[bytes] = set()
"""Names that were seen and are none of those: one look at a set costs a third of looking at each name. Bounded, because
names come from clients."""

_MOST_ORDINARY = 512
_LONGEST_ORDINARY = 64
_are_ordinary = _ordinary.issuperset
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def properties_of(headers: dict[bytes, bytes], metadata: Mapping[str, Any] | None) -> dict[str, str]:
    """`Helicone-Property-NAME` as `name`; `-User-Id`, `-Session-Id`, `-Session-Path`, `-Session-Name` as `user_id`,
    `session_id`, `session_path`, `session_name`; then what `metadata` has beyond, numbers and lists as JSON. `headers`
    have names in lower case. All other headers, `Helicone-Auth` among them, are not looked at. At most MOST."""
    found: dict[str, str] = {}
    if not _are_ordinary(headers):
        for name, value in headers.items():
            if name in _ordinary:
                continue
            if name in _NAMED:
                _add(found, _NAMED[name], _text(value))
            elif name.startswith(_PROPERTY):
                _add(found, _text(name[len(_PROPERTY) :]), _text(value))
            elif len(_ordinary) < _MOST_ORDINARY and len(name) <= _LONGEST_ORDINARY:
                _ordinary.add(bytes(name))
    if metadata:
        for named, value in metadata.items():
            if named not in found and value is not None:
                _add(found, named, value if isinstance(value, str) else msgspec.json.encode(value).decode())
    return found


def metadata_of(raw: bytes | memoryview) -> dict[str, Any] | None:
    """A body's `metadata` (JSON). None when it is no object; never an error, because a provider may take what we do not
    know."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _add(found: dict[str, str], name: str, value: str) -> None:
    name, value = name.strip()[:LONGEST_NAME], value.strip()[:LONGEST_VALUE]
    if name and value and (len(found) < MOST or name in found):
        found[name] = value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
