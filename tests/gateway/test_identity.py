"""The end user behind a key: verified when signed by a configured issuer, a label otherwise, never in between."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from genaiops.domain import EndUser, IdentityIssuer
from genaiops.gateway.identity import Identities, sign
from tests.gateway.harness import CHAT, Home, key, running, target
from tests.gateway.upstream import Upstream, answers

SECRET = "a-shared-secret-of-enough-bytes-for-hs256"
ANNA = EndUser(id="anna", groups=("staff", "legal"))
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = (
    PRIVATE.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
ISSUERS = (
    IdentityIssuer(id="portal", algorithm="HS256", secret="PORTAL", created_us=1),
    IdentityIssuer(
        id="idp", algorithm="ES256", public_key=PUBLIC, issuer="https://idp", audience="genai", created_us=1
    ),
)


def soon() -> float:
    return time.time() + 60


def token(private: Any = PRIVATE, algorithm: str = "ES256", **changes: Any) -> str:
    claims: dict[str, Any] = {"sub": "anna", "exp": soon(), "iss": "https://idp", "aud": "genai", "groups": ["staff"]}
    claims.update(changes)
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None}, private, algorithm=algorithm
    )


def forged(claims: dict[str, Any]) -> str:
    """A signed header whose content was changed afterwards."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return (payload + b"." + sign(ANNA, SECRET, soon()).split(b".")[1]).decode()


async def ask(home: Home, headers: dict[str, str], body: dict[str, Any] | None = None) -> tuple[int, Any]:
    home.secrets.put("PORTAL", SECRET)
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), issuers=ISSUERS)
        async with running(home) as worker:
            got = await worker.post(body=body, **headers)
            await worker.quiet()
    record = home.admitted()[0] if got.status == 200 else home.refused()[0].admitted
    return got.status, (record.user_id, record.user_verified) if got.status == 200 else got.error


async def test_a_signed_header(home: Home) -> None:
    signed = sign(ANNA, SECRET, soon()).decode()
    assert await ask(home, {"x_genaiops_user": signed}, {**CHAT, "user": "somebody else"}) == (200, ("anna", True))


async def test_a_token(home: Home) -> None:
    assert await ask(home, {"x_genaiops_user_token": token()}) == (200, ("anna", True))


async def test_a_token_by_the_shared_secret(home: Home) -> None:
    made = token(SECRET, "HS256", iss=None, aud=None)
    assert await ask(home, {"x_genaiops_user_token": made}) == (200, ("anna", True))


async def test_a_field_in_the_body_is_a_label(home: Home) -> None:
    assert await ask(home, {}, {**CHAT, "user": "anna"}) == (200, ("anna", False))


async def test_a_session(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            await worker.post(body={**CHAT, "genaiops": {"session": "s-1"}})
    assert home.admitted()[0].session_id == "s-1"
    assert "genaiops" not in up.seen[0].json


INVALID: dict[str, dict[str, str]] = {
    "another secret": {"x_genaiops_user": sign(ANNA, "another", soon()).decode()},
    "out of date": {"x_genaiops_user": sign(ANNA, SECRET, time.time() - 1).decode()},
    "changed content": {"x_genaiops_user": forged({"id": "boss", "exp": soon(), "groups": []})},
    "no code": {"x_genaiops_user": sign(ANNA, SECRET, soon()).decode().split(".", maxsplit=1)[0]},
    "nonsense": {"x_genaiops_user": "%%%"},
    "empty": {"x_genaiops_user": ""},
    "an endless one": {"x_genaiops_user": "a" * 9000},
    "no id": {"x_genaiops_user": sign(EndUser(id=""), SECRET, soon()).decode()},
    "two users": {
        "x_genaiops_user": sign(EndUser(id="boss"), SECRET, soon()).decode(),
        "x_genaiops_user_token": token(),
    },
    "a token of another key": {"x_genaiops_user_token": token(ec.generate_private_key(ec.SECP256R1()))},
    "a token out of date": {"x_genaiops_user_token": token(exp=time.time() - 1)},
    "a token without an end": {"x_genaiops_user_token": token(exp=None)},
    "a token for others": {"x_genaiops_user_token": token(aud="billing")},
    "a token of others": {"x_genaiops_user_token": token(iss="https://evil")},
    "an unsigned token": {"x_genaiops_user_token": jwt.encode({"sub": "anna", "exp": soon()}, "", algorithm="none")},
    "the public key as a secret": {
        "x_genaiops_user_token": ".".join([token("x" * 40, "HS256").rsplit(".", 1)[0], "AAAA"])
    },
}


@pytest.mark.parametrize("name", list(INVALID))
async def test_what_does_not_verify_refuses_the_call(home: Home, name: str) -> None:
    status, error = await ask(home, INVALID[name])
    assert (status, error["code"]) == (401, "invalid_user_identity")


def test_an_identity_is_remembered_only_until_it_expires(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    home.secrets.put("PORTAL", SECRET)
    identities = Identities(ISSUERS, home.secrets)
    now = time.time()
    signed = sign(ANNA, SECRET, now + 60)
    assert identities.verify(signed, None) is identities.verify(signed, None)
    monkeypatch.setattr("genaiops.gateway.identity.time.time", lambda: now + 61)
    with pytest.raises(Exception, match="expired"):
        identities.verify(signed, None)
