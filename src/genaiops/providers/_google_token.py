"""Bearer tokens for Google's services: a JWT that a service account's own key signs, so that nobody has to be asked.

Source: https://google.aip.dev/auth/4111 (self-signed JWT, with a scope and without an audience), RFC 7519.
"""

import time
from typing import Annotated

import msgspec
from msgspec import Meta

from genaiops.core.errors import ConfigError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME = 3600
"""Seconds, the longest that Google takes."""

MARGIN = 300
"""Seconds before its end from which a token is made anew."""

_REMEDY = "Store the JSON key file of a Google service account, or an access token, as the secret."


class ServiceAccount(msgspec.Struct, frozen=True):
    """The parts of a key file that are needed."""

    client_email: Annotated[str, Meta(min_length=1)]
    private_key: Annotated[str, Meta(min_length=1)]
    private_key_id: str | None = None
    project_id: str | None = None


_account = msgspec.json.Decoder(ServiceAccount)


def account_of(secret: str) -> ServiceAccount | None:
    """None when the secret is an access token and no key file. ConfigError when it is a key file that cannot be."""
    if not secret.lstrip().startswith("{"):
        return None
    try:
        return _account.decode(secret)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"The Google credential is no key file of a service account: {str(error).split(' - at')[0]}.",
            remedy=_REMEDY,
            code="bad_credential",
        ) from None


class Tokens:
    """The tokens of the service accounts in use, each made anew shortly before its end. Signing takes milliseconds,
    once an hour and account."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, float]] = {}

    def token(self, secret: str, account: ServiceAccount, *, now: float | None = None) -> str:
        """ConfigError when the key cannot sign. `now`: seconds since 1970 (None: the clock's)."""
        at = time.time() if now is None else now
        found = self._made.get(secret)
        if found is not None and at < found[1] - MARGIN:
            return found[0]
        if len(self._made) > 1000:  # credentials rotate
            self._made.clear()
        token = _sign(account, int(at))
        self._made[secret] = (token, int(at) + LIFETIME)
        return token


def _sign(account: ServiceAccount, issued: int) -> str:
    import jwt  # only workers that speak to Vertex AI pay for it

    claims = {
        "iss": account.client_email,
        "sub": account.client_email,
        "scope": SCOPE,
        "iat": issued,
        "exp": issued + LIFETIME,
    }
    headers = {"kid": account.private_key_id} if account.private_key_id else None
    try:
        return jwt.encode(claims, account.private_key, algorithm="RS256", headers=headers)
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise ConfigError(
            f"The private key of {account.client_email} cannot sign: {type(error).__name__}.",
            remedy=_REMEDY,
            code="bad_credential",
        ) from None
