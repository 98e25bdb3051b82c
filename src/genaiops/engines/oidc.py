"""Signing in by OpenID Connect: authorization code with PKCE (S256), state and nonce.

Three questions are asked of the provider: its discovery document, its keys, and what a code is worth. What comes
back is believed only when its signature, issuer, audience, nonce and times hold; `none` and shared secrets never do.
"""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, cast
from urllib.parse import quote, urlencode

from genaiops.core.errors import Unauthenticated, Unavailable
from genaiops.engines._oidc_http import fetch, may_be_asked
from genaiops.ports.secrets import Secrets
from genaiops.ports.sign_in import Attempt, Came

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_SECONDS = 60
_DISCOVERY_SECONDS = 3600.0
_REST_SECONDS = 5.0
"""After a failed question; others are told at once meanwhile, so that nobody waits behind them."""

_SUBJECT = 255
_LOGINS = ("preferred_username", "email", "upn", "sub")


class OidcProvider:
    """`client_secret` is the name of a secret; empty: a public client. `scopes` hold `openid`."""

    def __init__(
        self,
        secrets: Secrets,
        *,
        issuer: str,
        client_id: str,
        client_secret: str = "",
        scopes: Sequence[str] = ("openid",),
        groups_claim: str = "groups",
        label: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.groups_claim = groups_claim
        self.label = label or "Sign in with single sign-on"
        self._secrets = secrets
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = tuple(scopes)
        self._clock = clock
        self._lock = threading.Lock()
        self._document: Mapping[str, Any] | None = None
        self._read_at = 0.0
        self._failed: tuple[float, Unavailable] | None = None
        self._keys: Sequence[Mapping[str, Any]] = ()

    # -- the three steps

    def begin(self, redirect_uri: str) -> Attempt:
        endpoint = self._endpoint("authorization_endpoint")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _plain_base64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return Attempt(_with_query(endpoint, query), state, nonce, verifier, redirect_uri)

    def finish(self, attempt: Attempt, code: str, issuer: str | None) -> Came:
        document = self._discovered()
        if issuer != self.issuer and (issuer or document.get("authorization_response_iss_parameter_supported") is True):
            _refuse(f"the answer is of the issuer {issuer!r}")
        tokens = self._redeem(attempt, code)
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            _refuse("the provider sent no id_token; is openid among the scopes?")
        claims = self._verified(id_token, attempt.nonce)
        groups = groups_of(claims, self.groups_claim)
        if groups is None:
            claims = {**self._more(tokens, claims["sub"]), **claims}
            groups = groups_of(claims, self.groups_claim)
        login = next((text for name in _LOGINS if isinstance(text := claims.get(name), str) and text), "")
        return Came(issuer=self.issuer, subject=claims["sub"], login=login, groups=groups, id_token=id_token)

    def leave(self, id_token: str, back: str) -> str | None:
        try:
            endpoint = self._discovered().get("end_session_endpoint")
        except Unavailable:
            return None
        if not isinstance(endpoint, str) or not may_be_asked(endpoint):
            return None
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": back, "client_id": self._client_id}
        return _with_query(endpoint, query)

    # -- what the provider says

    def _discovered(self) -> Mapping[str, Any]:
        """Kept for an hour; an older one goes on while the provider is away."""
        with self._lock:
            now = self._clock()
            if self._document is not None and now - self._read_at < _DISCOVERY_SECONDS:
                return self._document
            if self._failed is not None and now - self._failed[0] < _REST_SECONDS:
                return self._last_known(self._failed[1])
            try:
                status, document = fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if status != 200:
                    raise _away(f"its discovery document was answered with {status}")
                if document.get("issuer") != self.issuer:
                    raise _away(f"it calls itself {document.get('issuer')!r}, not {self.issuer!r}")
            except Unavailable as error:
                self._failed = self._clock(), error
                return self._last_known(error)
            self._document, self._read_at, self._failed = document, now, None
            return document

    def _last_known(self, error: Unavailable) -> Mapping[str, Any]:
        if self._document is None:
            raise error
        return self._document

    def _endpoint(self, name: str) -> str:
        endpoint = self._discovered().get(name)
        if not isinstance(endpoint, str) or not may_be_asked(endpoint):
            raise _away(f"its {name} is {endpoint!r}, which is no https address")
        return endpoint

    def _redeem(self, attempt: Attempt, code: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers: dict[str, str] = {}
        if not self._client_secret:
            form["client_id"] = self._client_id
        else:
            secret = self._secrets.get(self._client_secret)
            if secret is None:
                raise Unavailable(
                    f"There is no secret {self._client_secret!r}, which oidc.client_secret names.",
                    remedy=f"Set it: genaiops secret set {self._client_secret}.",
                    code="no_client_secret",
                )
            ways: Any = self._discovered().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            if "client_secret_basic" in ways:
                pair = f"{quote(self._client_id, safe='')}:{quote(secret, safe='')}"
                headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            else:
                form |= {"client_id": self._client_id, "client_secret": secret}
        status, answer = fetch(self._endpoint("token_endpoint"), form=form, headers=headers)
        if status >= 500:
            raise _away(f"it answered the code with {status}")
        if status != 200:
            _refuse(f"the provider refused the code with {status} {_said(answer)}")
        return answer

    def _more(self, tokens: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """What the provider says at its userinfo endpoint: some leave groups out of the token."""
        token = tokens.get("access_token")
        if not isinstance(token, str) or "userinfo_endpoint" not in self._discovered():
            return {}
        status, claims = fetch(self._endpoint("userinfo_endpoint"), headers={"authorization": f"Bearer {token}"})
        if status != 200:
            return {}
        if claims.get("sub") != subject:
            _refuse("userinfo is about somebody else")
        return claims

    # -- what is believed

    def _verified(self, id_token: str, nonce: str) -> Mapping[str, Any]:
        import jwt  # loads a native library, and most installations sign in with keys

        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") not in _ALGORITHMS:
                _refuse(f"the token is signed with {header.get('alg')!r}")
            claims = jwt.decode(
                id_token,
                self._key_of(header),
                algorithms=[header["alg"]],
                audience=self._client_id,
                issuer=self.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            _refuse(f"the token does not hold: {str(error).rstrip('.')}")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            _refuse("the token is of another sign-in (nonce)")
        audience: Any = claims["aud"]
        several = isinstance(audience, list) and len(cast("list[Any]", audience)) > 1
        if claims.get("azp", None if several else self._client_id) != self._client_id:
            _refuse("the token was made for another client (azp)")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= _SUBJECT:
            _refuse("the token names nobody (sub)")
        return claims

    def _key_of(self, header: Mapping[str, Any]) -> Any:
        """The key that the token names. An unknown name asks for the keys anew: the provider may have changed them."""
        fitting = self._fitting(header)
        if not fitting:
            status, answer = fetch(self._endpoint("jwks_uri"))
            keys: Any = answer.get("keys")
            if status != 200 or not isinstance(keys, list):
                raise _away(f"its keys were answered with {status}")
            self._keys = [cast("dict[str, Any]", each) for each in cast("list[Any]", keys) if isinstance(each, dict)]
            fitting = self._fitting(header)
        if len(fitting) != 1:
            _refuse(f"the provider has no one key {header.get('kid')!r} for {header.get('alg')}")
        return fitting[0]

    def _fitting(self, header: Mapping[str, Any]) -> Sequence[Any]:
        import jwt

        algorithm, named = header["alg"], header.get("kid")
        kind = "EC" if algorithm.startswith("ES") else "OKP" if algorithm == "EdDSA" else "RSA"
        found: list[Any] = []
        for key in self._keys:
            usable = key.get("kty") == kind and key.get("use", "sig") == "sig"
            if usable and key.get("alg", algorithm) == algorithm and named in (None, key.get("kid")):
                found.append(jwt.PyJWK(dict(key), algorithm=algorithm))
        return found


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """The claim of that name, else the one that lies there by dots (`realm_access.roles`); None: not there."""
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = cast("Mapping[str, Any]", value).get(part) if isinstance(value, dict) else None
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in cast("list[Any]", value)):
        _refuse(f"the claim {name} is no list of names")
    return tuple(cast("list[str]", value))


def _with_query(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def _plain_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _said(answer: Mapping[str, Any]) -> str:
    """The provider's own words on an error, cut."""
    words = [str(answer[name]) for name in ("error", "error_description") if name in answer]
    return ": ".join(words)[:200]


def _refuse(why: str) -> NoReturn:
    raise Unauthenticated(
        f"The identity provider's answer was not accepted: {why}.", remedy="Sign in once more.", code="sign_in_refused"
    )


def _away(why: str) -> Unavailable:
    return Unavailable(
        f"The identity provider cannot be used: {why}.",
        remedy="Sign in with a key meanwhile, or try again.",
        code="identity_provider_away",
    )
