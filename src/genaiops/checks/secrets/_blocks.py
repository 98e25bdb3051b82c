"""Private keys: blocks of PEM and PGP, and keys with a checksum of their own."""

from typing import Final

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets._judging import base58_check, bech32, key_block, varied
from genaiops.checks.secrets._shape import key, named

_BODY: Final = r"""[A-Za-z0-9+/=\s\\"']"""
_HEADERS: Final = r"""(?:(?:\s|\\[nr]){1,4}(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash)[^\n\\]{1,120}){0,4}"""


def _thousands(most: int) -> str:
    """Up to so many thousands of characters of the body, each counted once: RE2 compiles every count into steps."""
    full = ""
    for _ in range(most - 1):
        full = f"(?:{_BODY}{{1000}}{full})?"
    return f"{full}{_BODY}{{0,1000}}"


_BASE58: Final = "[1-9A-HJ-NP-Za-km-z]"

PATTERNS: Final[tuple[Pattern, ...]] = (
    key(
        "private_key",
        "Private key (PEM, OpenSSH, PGP)",
        rf"-----BEGIN (?:[A-Z0-9]{{1,20}} ){{0,3}}PRIVATE KEY(?: BLOCK)?-----{_HEADERS}{_thousands(7)}"
        r"(?:-----END [A-Z0-9 ]{0,64}-----)?",
        "RFC 7468; RFC 9580, section 6.2; github.com/openssh/openssh-portable PROTOCOL.key",
        valid=key_block,
        left="",
        right="",
    ),
    key(
        "putty_private_key",
        "PuTTY private key",
        r"Private-Lines: [0-9]{1,3}\r?\n"
        r"(?:[A-Za-z0-9+/=]{64}\r?\n){0,14}(?:[A-Za-z0-9+/=]{64}\r?\n){0,14}(?:[A-Za-z0-9+/=]{64}\r?\n){0,14}"
        r"[A-Za-z0-9+/=]{1,64}",
        "the.earth.li/~sgtatham/putty/0.81/htmldoc/AppendixC.html",
        left="",
        right="",
    ),
    key(
        "age_secret_key",
        "age identity",
        r"(?i:AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})",
        "age-encryption.org/v1",
        valid=bech32,
    ),
    key(
        "age_secret_key",
        "age identity",
        r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
        "age-encryption.org/v1",
    ),
    key(
        "nostr_private_key",
        "Nostr private key",
        r"nsec1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}",
        "github.com/nostr-protocol/nips NIP-19",
        valid=bech32,
    ),
    key(
        "bitcoin_extended_private_key",
        "Extended private key (BIP 32)",
        rf"[xyzt]prv{_BASE58}{{107}}",
        "github.com/bitcoin/bips BIP-32",
        valid=base58_check,
    ),
    key(
        "bitcoin_private_key",
        "Bitcoin private key",
        rf"\b(?:5{_BASE58}{{50}}|[KL]{_BASE58}{{51}})",
        "en.bitcoin.it/wiki/Wallet_import_format",
        valid=base58_check,
    ),
    named(
        "wireguard_private_key",
        "WireGuard key",
        "(?:private|preshared)_?key",
        r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=",
        "man.archlinux.org/man/wg.8",
        valid=varied,
    ),
    named(
        "kubernetes_client_key",
        "Key of a Kubernetes client",
        "client-key-data",
        r"[A-Za-z0-9+/]{100,1000}",
        "kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig",
    ),
    key(
        "password_hash",
        "Hash of a password",
        r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$(?:5|6|y|7)\$[^$\s]{1,64}\$(?:[^$\s]{1,64}\$)?[./A-Za-z0-9]{43,86}|\$argon2(?:id|i|d)\$v=[0-9]{1,3}\$[a-z0-9=,]{1,40}\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,90}",
        "man.archlinux.org/man/crypt.5",
        left="",
        right="",
    ),
)
