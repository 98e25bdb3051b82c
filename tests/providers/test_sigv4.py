"""Signature Version 4 against the vectors that AWS publishes, and against AWS's own Python signer."""

import string
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from genaiops.providers._sigv4 import Keys, Scope, signed

EXAMPLE = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = ("host", "example.amazonaws.com")
FORM = ("content-type", "application/x-www-form-urlencoded")
UNRESERVED = f"/-._~{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}"


@pytest.mark.parametrize(
    ("name", "method", "path", "headers", "body", "signature"),
    [
        ("get-vanilla", "GET", "/", [HOST], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", "/", [HOST], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "get-unreserved",
            "GET",
            UNRESERVED,
            [HOST],
            b"",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        ("get-utf8", "GET", "/ሴ", [HOST], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "post-x-www-form-urlencoded",
            "POST",
            "/",
            [FORM, HOST],
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_the_published_vectors(
    name: str, method: str, path: str, headers: list[tuple[str, str]], body: bytes, signature: str
) -> None:
    """AWS's Signature Version 4 test suite, by the names of its cases."""
    scope = Scope("us-east-1", "service")
    fields = dict(signed(EXAMPLE, scope, NOW, method=method, path=path, headers=headers, body=body))
    names = ";".join(sorted(["x-amz-date", *(key for key, _ in headers)]))
    assert fields["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
WORDS = st.lists(VALUE, min_size=1, max_size=3).map("  ".join)
NAME = st.text(string.ascii_lowercase + "-", min_size=2, max_size=12).map("h".__add__)
SEGMENT = st.text(string.ascii_letters + string.digits + "-_.~%:@", min_size=1, max_size=30).filter(
    lambda text: text not in {".", ".."}
)


@given(
    path=st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts)),
    extra=st.dictionaries(NAME, WORDS, max_size=4),
    body=st.binary(max_size=200),
    token=st.none() | VALUE,
    secret=VALUE,
)
def test_it_signs_as_awss_own_signer_does(
    path: str, extra: dict[str, str], body: bytes, token: str | None, secret: str
) -> None:
    fields = [HOST, *((name, value) for name, value in extra.items() if name != "host")]
    ours = dict(
        signed(
            Keys("AKID", secret, token),
            Scope("eu-central-1", "bedrock"),
            NOW,
            method="POST",
            path=path,
            headers=fields,
            body=body,
        )
    )
    request = AWSRequest("POST", f"https://{HOST[1]}{path}", dict(fields), body)
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        SigV4Auth(Credentials("AKID", secret, token), "bedrock", "eu-central-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


def test_a_key_does_not_show_its_secret() -> None:
    assert "wJalr" not in f"{EXAMPLE}"
