"""Seals under a key that stands among the installation's secrets.

AES-256-GCM under a fresh random nonce; what is sealed is 12 bytes of nonce and the ciphertext with its tag. The key is
a stored secret, so that turning the secrets' own key re-encrypts it and opens everything sealed before.
"""

import base64
import binascii
import secrets as random
from typing import TYPE_CHECKING, Final

from genaiops.core.errors import StoreError
from genaiops.ports.secrets import Secrets

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEAL_KEY: Final = "genaiops/held-answers"
_NONCE: Final = 12


class SecretSeals:
    """See ports.seals.Seals. `ensure` is for the one process that prepares a start."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def ensure(self) -> None:
        """Make the key unless there is one."""
        if self._secrets.get(SEAL_KEY) is None:
            self._secrets.put(SEAL_KEY, base64.b64encode(random.token_bytes(32)).decode())

    def seal(self, data: bytes, about: str) -> bytes:
        nonce = random.token_bytes(_NONCE)
        return nonce + self._cipher().encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError):
            raise StoreError(
                f"What was kept of {about} cannot be opened: it is damaged, or was sealed under another key.",
                remedy=f"Restore the secret {SEAL_KEY}.",
                code="seal_broken",
            ) from None

    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        text = self._secrets.get(SEAL_KEY)
        if text is None:
            raise StoreError(
                f"There is no secret {SEAL_KEY} to seal held answers with.",
                remedy="Start the installation anew, which makes it.",
                code="seal_key_missing",
            )
        try:
            return AESGCM(base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            raise StoreError(
                f"The secret {SEAL_KEY} is no key.", remedy="Restore it from a backup.", code="seal_key_wrong"
            ) from None


def open_seals(secrets: Secrets) -> SecretSeals:
    return SecretSeals(secrets)
