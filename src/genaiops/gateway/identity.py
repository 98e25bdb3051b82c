"""The end user behind a key: an identity only when it comes signed by a configured issuer.

`x-genaiops-user` is `base64url(JSON).base64url(HMAC-SHA256)`: the JSON object holds `id`, `groups` and `exp` (seconds
since the epoch), the code is computed over the first part as it is sent, with the shared secret of an HS256 issuer.
`x-genaiops-user-token` is a JWT of any issuer: `sub`, the issuer's groups claim, `exp`. A header that does not verify
refuses the call: to go on without it would turn a forged identity into an anonymous call.
"""

import base64
import binascii
import hashlib
import hmac
import time
from typing import Annotated, Any, cast

import msgspec

from genaiops.core.errors import Unauthenticated
from genaiops.domain import EndUser, IdentityIssuer
from genaiops.ports.secrets import Secrets

HEADER = b"x-genaiops-user"
TOKEN_HEADER = b"x-genaiops-user-token"
_REMEMBERED = 10_000
_MAX_TEXT = 8192


class _Claims(msgspec.Struct, frozen=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    exp: float
    groups: tuple[str, ...] = ()


_claims = msgspec.json.Decoder(_Claims).decode


class Identities:
    """Checks signed identities against one Snapshot's issuers; remembers those it has verified until they expire."""

    def __init__(self, issuers: tuple[IdentityIssuer, ...], secrets: Secrets) -> None:
        self._issuers = issuers
        self._secrets = secrets
        self._known: dict[bytes, tuple[EndUser, float]] = {}

    def verify(self, signed: bytes | None, token: bytes | None) -> EndUser:
        """The user of either header (both must not name different ones). Unauthenticated when it does not verify."""
        users = [
            self._recall(text, check)
            for text, check in ((signed, self._signed), (token, self._token))
            if text is not None
        ]
        if len(users) == 2 and users[0].id != users[1].id:
            raise _invalid("The two headers name different users.")
        return users[0]

    def _recall(self, text: bytes, check: Any) -> EndUser:
        known = self._known.get(text)
        if known is not None and known[1] > time.time():
            return known[0]
        if len(text) > _MAX_TEXT:
            raise _invalid(f"It is longer than {_MAX_TEXT} bytes.")
        user, expires = cast("tuple[EndUser, float]", check(text))
        if expires <= time.time():
            raise _invalid("It has expired.")
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[text] = (user, expires)
        return user

    def _signed(self, text: bytes) -> tuple[EndUser, float]:
        payload, _, code = text.partition(b".")
        given = _unbase64(code)
        for issuer in self._issuers:
            secret = self._secrets.get(issuer.secret) if issuer.algorithm == "HS256" and issuer.secret else None
            if secret and hmac.compare_digest(hmac.digest(secret.encode(), payload, hashlib.sha256), given):
                try:
                    claims = _claims(_unbase64(payload))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise _invalid(f"Its content is not right: {error}.") from None
                return EndUser(id=claims.id, groups=claims.groups, verified=True), claims.exp
        raise _invalid("No configured issuer signed it.")

    def _token(self, text: bytes) -> tuple[EndUser, float]:
        import jwt  # heavy, and few installations use tokens

        reason = "No configured issuer signed it."
        try:
            algorithm = jwt.get_unverified_header(text).get("alg")
        except jwt.PyJWTError:
            raise _invalid("It is not a JSON web token.") from None
        for issuer in self._issuers:
            key = issuer.public_key
            if issuer.algorithm == "HS256":
                key = self._secrets.get(issuer.secret) if issuer.secret else None
            if key is None or issuer.algorithm != algorithm:
                continue
            try:
                claims = jwt.decode(
                    text,
                    key,
                    algorithms=[issuer.algorithm],
                    audience=issuer.audience,
                    issuer=issuer.issuer,
                    options={"require": ["exp", "sub"], "verify_aud": issuer.audience is not None},
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError) as error:
                reason = f"{error}."
                continue
            return _user_of(claims, issuer), float(claims["exp"])
        raise _invalid(reason)


def _user_of(claims: dict[str, Any], issuer: IdentityIssuer) -> EndUser:
    groups = claims.get(issuer.groups_claim, [])
    names = tuple(str(name) for name in cast("list[Any]", groups)) if isinstance(groups, list) else ()
    return EndUser(id=str(claims["sub"])[:256], groups=names, verified=True)


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid("It is not base64url.") from None


def _invalid(reason: str) -> Unauthenticated:
    return Unauthenticated(
        f"The signed end user was not accepted. {reason}",
        remedy="Sign it with a configured issuer's key, or leave it out.",
        code="invalid_user_identity",
    )


def sign(user: EndUser, secret: str, expires: float) -> bytes:
    """The value of `x-genaiops-user` for a user (for clients and tests)."""
    payload = base64.urlsafe_b64encode(
        msgspec.json.encode({"id": user.id, "groups": list(user.groups), "exp": expires})
    ).rstrip(b"=")
    code = hmac.digest(secret.encode(), payload, hashlib.sha256)
    return payload + b"." + base64.urlsafe_b64encode(code).rstrip(b"=")
