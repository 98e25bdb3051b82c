"""Google's errors, and the tokens that a service account signs."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from genaiops.core.errors import ConfigError
from genaiops.providers import load
from genaiops.providers._google_token import LIFETIME, MARGIN, SCOPE, Tokens, account_of
from genaiops.providers.google import Gemini, Vertex
from tests.providers.calls import (
    asked,
    target,
)


def test_errors_are_googles() -> None:
    limited = {
        "error": {
            "code": 429,
            "message": "quota",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}],
        }
    }
    for body in (limited, [limited]):
        error = Gemini().error(429, [], json.dumps(body).encode())
        assert (error.message, error.code, error.rest, error.retryable) == ("quota", "RESOURCE_EXHAUSTED", 34.5, True)
        assert error.limits_credential
    bad = {
        "error": {
            "code": 400,
            "message": "API key not valid. AIza",
            "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID"}],
        }
    }
    error = Gemini().error(400, [], json.dumps(bad).encode())
    assert error.limits_credential
    assert error.retryable
    assert "AIza" not in error.message
    assert not Gemini().error(400, [], b'{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}').retryable


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def key_file(key: rsa.RSAPrivateKey) -> str:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "proj",
            "private_key_id": "kid1",
            "private_key": pem.decode(),
            "client_email": "robot@proj.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


def test_a_key_file_signs_tokens_as_googles_own_library_does(key: rsa.RSAPrivateKey, key_file: str) -> None:
    from google.oauth2 import service_account

    wire = Vertex().prepare(asked(), target("vertex", "g", "https://aiplatform.googleapis.com/v1"), key_file)
    assert wire.path.startswith(b"/projects/proj/locations/global/")
    token = dict(wire.headers)[b"authorization"].decode().removeprefix("Bearer ")
    ours = jwt.decode(token, key.public_key(), algorithms=["RS256"])
    theirs = service_account.Credentials.from_service_account_info(json.loads(key_file), scopes=[SCOPE])
    theirs = theirs.with_always_use_jwt_access(True)
    theirs.refresh(None)
    assert isinstance(theirs.token, str)
    claims = jwt.decode(theirs.token, key.public_key(), algorithms=["RS256"], options={"verify_aud": False})
    assert {name: value for name, value in ours.items() if name not in ("iat", "exp")} == {
        name: value for name, value in claims.items() if name not in ("iat", "exp")
    }
    assert ours["exp"] - ours["iat"] == claims["exp"] - claims["iat"] == LIFETIME
    assert jwt.get_unverified_header(token) == jwt.get_unverified_header(theirs.token)


def test_a_token_is_used_again_until_shortly_before_its_end(key_file: str) -> None:
    tokens, account = Tokens(), account_of(key_file)
    assert account is not None
    first = tokens.token(key_file, account, now=1_000_000)
    assert tokens.token(key_file, account, now=1_000_000 + LIFETIME - MARGIN - 1) is first
    assert tokens.token(key_file, account, now=1_000_000 + LIFETIME - MARGIN) != first


def test_an_access_token_goes_out_as_it_is_and_a_bad_key_file_is_named() -> None:
    to = target("vertex", "g", "https://h/v1/projects/p/locations/l")
    assert dict(Vertex().prepare(asked(), to, "ya29.x").headers)[b"authorization"] == b"Bearer ya29.x"
    for secret in ("{", '{"client_email":"a"}', '{"client_email":"a","private_key":"nothing"}'):
        with pytest.raises(ConfigError) as refused:
            Vertex().prepare(asked(), to, secret)
        assert "nothing" not in str(refused.value)


def test_they_are_on_the_menu() -> None:
    assert isinstance(load("google"), Gemini)
    assert isinstance(load("vertex"), Vertex)
