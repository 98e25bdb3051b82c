"""What Bedrock and SageMaker share: credentials, regions, signed headers, error answers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from genaiops.core.errors import UpstreamError
from genaiops.domain import Target
from genaiops.providers._aws import aws_error, keys_of, region_of, request_fields
from genaiops.providers._sigv4 import Keys, Scope, signed

AKID = "AKIDEXAMPLEEXAMPLE00"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def target(base_url: str, **settings: str) -> Target:
    return Target(
        id="t", provider="bedrock", model="m", upstream_model="u", base_url=base_url, settings=settings, created_us=0
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"access_key_id": "A", "secret_access_key": "s:/+"}', Keys("A", "s:/+")),
        ('{"access_key_id": "A", "secret_access_key": "s", "session_token": "t"}', Keys("A", "s", "t")),
        (f"{AKID}:abc/+=", Keys(AKID, "abc/+=")),
        (f" {AKID}:abc:tok:en\n", Keys(AKID, "abc", "tok:en")),
        ("bedrock-api-key-YmVk", "bedrock-api-key-YmVk"),
        ("ABSKabc:def", "ABSKabc:def"),
    ],
)
def test_a_credential_is_an_access_key_or_an_api_key(text: str, expected: Keys | str) -> None:
    assert keys_of(text) == expected


@pytest.mark.parametrize("text", ["{", '{"access_key_id": "A"}', '{"access_key_id": 1, "secret_access_key": "s3cr3t"}'])
def test_a_wrong_credential_is_told_without_its_secret(text: str) -> None:
    with pytest.raises(UpstreamError) as raised:
        keys_of(text)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize(
    ("base_url", "region"),
    [
        ("https://bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://bedrock-runtime.us-east-1.api.aws", "us-east-1"),
        ("https://runtime.sagemaker.ap-southeast-2.amazonaws.com", "ap-southeast-2"),
        ("https://vpce-0a1b-c3.bedrock-runtime.us-west-2.vpce.amazonaws.com", "us-west-2"),
        ("https://runtime.sagemaker.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ],
)
def test_the_region_is_read_from_the_address(base_url: str, region: str) -> None:
    assert region_of(target(base_url)) == region
    assert region_of(target(base_url, region="eu-west-3")) == "eu-west-3"


def test_an_address_without_a_region_needs_the_setting() -> None:
    with pytest.raises(UpstreamError, match="setting region"):
        region_of(target("http://127.0.0.1:8000"))


def test_all_that_goes_out_is_signed_but_the_signature() -> None:
    place = target("http://10.0.0.1:8080/base", region="us-east-1", **{"header.X-Own": "1"})
    fields = dict(request_fields(place, f"{AKID}:s", "bedrock", "/model/a%3Ab/converse", b"{}", clock=lambda: NOW))
    plain = [("host", "10.0.0.1:8080"), ("content-type", "application/json"), ("accept-encoding", "identity")]
    plain.append(("x-own", "1"))
    expected = signed(
        Keys(AKID, "s"),
        Scope("us-east-1", "bedrock"),
        NOW,
        method="POST",
        path="/base/model/a%3Ab/converse",
        headers=plain,
        body=b"{}",
    )
    assert {name.decode(): value.decode() for name, value in fields.items()} == dict(expected)


def test_an_api_key_goes_as_bearer_and_nothing_without_a_credential() -> None:
    place = target("https://bedrock-runtime.us-east-1.amazonaws.com:443")
    fields = dict(request_fields(place, "key", "bedrock", "/x", b"", clock=lambda: NOW))
    assert fields[b"authorization"] == b"Bearer key"
    assert fields[b"host"] == b"bedrock-runtime.us-east-1.amazonaws.com"
    assert b"authorization" not in dict(request_fields(place, None, "bedrock", "/x", b"", clock=lambda: NOW))


TYPE = b"x-amzn-ErrorType"


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (429, b"ThrottlingException:http://x/", {"message": "Slow"}, ("Slow", "ThrottlingException", True, True)),
        (429, b"ModelNotReadyException", {"message": "Soon"}, ("Soon", "ModelNotReadyException", True, False)),
        (
            400,
            None,
            {"__type": "a.b#ValidationException", "message": "No"},
            ("No", "ValidationException", False, False),
        ),
        (400, b"ServiceQuotaExceededException", {"message": "Q"}, ("Q", "ServiceQuotaExceededException", True, True)),
        (403, b"AccessDeniedException", {"Message": "Not you"}, ("Not you", "AccessDeniedException", False, False)),
        (530, b"InternalDependencyException", {"Message": "x"}, ("x", "InternalDependencyException", True, False)),
        (
            424,
            b"ModelError",
            {"Message": "outer", "OriginalMessage": "CUDA out of memory", "OriginalStatusCode": 500},
            ("CUDA out of memory", "ModelError", True, False),
        ),
        (
            424,
            b"ModelError",
            {"OriginalMessage": "bad body", "OriginalStatusCode": 400},
            ("bad body", "ModelError", False, False),
        ),
    ],
)
def test_error_answers(status: int, kind: bytes | None, body: Any, expected: tuple[str, str, bool, bool]) -> None:
    headers = [(TYPE, kind)] if kind is not None else []
    error = aws_error(status, headers, json.dumps(body).encode())
    assert (error.message, error.code, error.retryable, error.limits_credential) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b'"x"'])
def test_an_error_answer_may_be_anything(body: bytes) -> None:
    assert aws_error(503, [], body).retryable
