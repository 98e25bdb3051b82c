"""AWS Signature Version 4 for requests whose whole body is known.

After "Create a signed AWS API request" in AWS's IAM user guide. Only what our calls need: no query, no chunked signing.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

import msgspec

_ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(msgspec.Struct, frozen=True):
    """An access key of AWS; `session_token` with temporary ones."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Keys({self.access_key_id!r}, ***)"


class Scope(msgspec.Struct, frozen=True):
    """What a signature is for: a region (`eu-central-1`) and a service by its signing name (`bedrock`, `sagemaker`)."""

    region: str
    service: str


def signed(
    keys: Keys,
    scope: Scope,
    now: datetime,
    *,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> list[tuple[str, str]]:
    """`headers` and those that make the request genuine: `x-amz-date`, `authorization`, with temporary keys
    `x-amz-security-token`.

    `path` is the path as it goes out, percent-encoded, with nothing in it to normalise. `headers` have lower-case names
    that are all different, `host` among them; all of them are signed, so none may change on the way. `now` is UTC. AWS
    takes a signature for five minutes.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    fields = [*headers, ("x-amz-date", stamp)]
    if keys.session_token is not None:
        fields.append(("x-amz-security-token", keys.session_token))
    ordered = sorted(fields)
    names = ";".join(name for name, _ in ordered)
    lines = [method, _canonical(path), "", *(f"{name}:{' '.join(value.split())}" for name, value in ordered)]
    canonical = "\n".join([*lines, "", names, hashlib.sha256(body).hexdigest()])
    day = stamp[:8]
    place = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, place, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_key(keys.secret_access_key, day, scope), text.encode(), "sha256").hexdigest()
    credential = f"{keys.access_key_id}/{place}"
    fields.append(
        ("authorization", f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}")
    )
    return fields


@lru_cache(maxsize=256)
def _canonical(path: str) -> str:
    """Every service but S3 wants the path encoded once more than it is sent."""
    return quote(path, safe="/-_.~")


@lru_cache(maxsize=256)
def _key(secret: str, day: str, scope: Scope) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key
