"""Where somebody is reached or seen on a network: e-mail, web and network addresses."""

from typing import Final

from genaiops.checks.pii._rows import personal

_BYTE: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_NOBODY: Final = frozenset({"127.0.0.1", "255.255.255.255"})
_LETTER: Final = r"A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff"
_PLAIN_DOMAINS: Final = (
    "com|org|net|COM|ORG|NET|edu|gov|info|biz|app|dev|online|shop|de|fr|uk|eu|ca|au|nl|es|it|ch|at|pl|se|br|jp"
)
"""Ends of names that are taken for web addresses without `https://` or `www.`; endings of files are not among them."""


def _ipv4(value: str) -> bool:
    """Of a machine that may be somebody's; four single digits are a version more often than an address."""
    octets = value.split(".")
    return octets[0] != "0" and value not in _NOBODY and any(len(each) > 1 for each in octets)


def _ipv6(value: str) -> bool:
    import ipaddress

    try:
        address = ipaddress.IPv6Address(value)
    except ValueError:
        return False
    groups = [each for each in value.split(":") if each]
    if address.is_unspecified or address.is_loopback or len(groups) < 2:
        return False
    return any(char.isdigit() for char in value) and (len(groups[0]) > 1 or len(groups) > 3)


def _mac(value: str) -> bool:
    digits = {char for char in value.lower() if char not in ":-."}
    return len(digits) > 1


PATTERNS: Final = (
    personal(
        kind="email",
        regex=rf"(?:\\[nrt])?([{_LETTER}\d_][{_LETTER}\d._%+'-]{{0,63}}@(?:[{_LETTER}\d-]{{1,63}}\.){{1,4}}[{_LETTER}]{{2,24}})",
        group=1,
        left=rf"{_LETTER}\d_.%+-",
        right=rf"{_LETTER}\d_",
        title="E-mail address",
        source="RFC 5321, RFC 6531",
    ),
    personal(
        kind="url",
        regex=r"""(?i)(?:https?|ftps?|wss?)://[^\s<>"'`{}|\\^\[\]]{0,500}[^\s<>"'`{}|\\^\[\].,;:!?)*]""",
        title="Web address",
        source="RFC 3986",
    ),
    personal(
        kind="url",
        regex=r"(?:\\[nrt])?((?:(?:www|WWW)\.[A-Za-z\d-]{1,63}(?:\.[A-Za-z\d-]{1,63}){0,3}\.[A-Za-z]{2,24}"
        rf"|[A-Za-z\d-]{{2,63}}(?:\.[A-Za-z\d-]{{1,63}}){{0,3}}\.(?:{_PLAIN_DOMAINS})\b)"
        r"""(?:/(?:[^\s<>"'`{}|\\^\[\]]{0,300}[^\s<>"'`{}|\\^\[\].,;:!?)*])?)?)""",
        group=1,
        left=r"\w@./:%+-",
        right=r"@\w",
        title="Web address",
        source="RFC 1035",
    ),
    personal(
        kind="ip_address",
        regex=rf"{_BYTE}(?:\.{_BYTE}){{3}}",
        left=r"\w.",
        right=r"\w",
        valid=_ipv4,
        title="IPv4 address",
        source="RFC 791",
    ),
    personal(
        kind="ip_address",
        regex=r"(?:[0-9A-Fa-f]{1,4}:){1,7}(?::?[0-9A-Fa-f]{1,4}){1,7}(?:(?:\.\d{1,3}){3})?|::[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){1,6}",
        left=r"\w:.",
        right=r"\w:",
        valid=_ipv6,
        checked=True,
        title="IPv6 address",
        source="RFC 4291",
    ),
    personal(
        kind="mac_address",
        regex=r"[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:\.[0-9A-Fa-f]{4}){2})",
        left=r"\w:.-",
        right=r"\w:-",
        valid=_mac,
        title="MAC address",
        source="IEEE 802",
    ),
)
