"""Artifacts and issuers."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import IdentityIssuer
from genaiops.hub import Hub
from tests.hub.conftest import START_US, Clock

MANIFEST = {"files": [{"name": "model.gguf", "sha256": "ab", "size": 1}], "licence": "Apache-2.0"}


def test_a_version_is_named_by_its_manifest(hub: Hub, clock: Clock) -> None:
    first = hub.artifacts.register("model", "smollm2", MANIFEST, title="SmolLM2", by="admin")
    assert first.id == f"model/smollm2@{first.digest}"
    assert (first.manifest, first.created_us, first.created_by) == (MANIFEST, START_US, "admin")
    clock.move(1)
    reordered = dict(reversed(MANIFEST.items()))
    assert hub.artifacts.register("model", "smollm2", reordered, by="eve") == first
    second = hub.artifacts.register("model", "smollm2", {**MANIFEST, "base": first.digest}, by="eve")
    assert hub.artifacts.versions("model/smollm2") == [first, second]
    assert [artifact.title for artifact in hub.artifacts.of_kind("model")] == ["SmolLM2"]
    assert hub.artifacts.of_kind("prompt") == []


def test_aliases_move(hub: Hub, clock: Clock) -> None:
    first = hub.artifacts.register("model", "m", {"a": 1}, by="admin")
    second = hub.artifacts.register("model", "m", {"a": 2}, by="admin")
    hub.artifacts.move("model/m", "live", first.id, by="ann")
    assert hub.artifacts.resolve("model/m@live") == first
    clock.move(1)
    moved = hub.artifacts.move("model/m", "live", second.id, by="bob")
    assert (moved.moved_us, moved.moved_by) == (START_US + 1_000_000, "bob")
    assert hub.artifacts.resolve("model/m@live") == second
    assert hub.artifacts.resolve(first.id) == first
    digits = len("model/m@sha256:")
    assert hub.artifacts.resolve(first.id[: digits + 6]) == first
    with pytest.raises(NotFound):
        hub.artifacts.resolve(first.id[: digits + 5])
    assert hub.artifacts.aliases("model/m") == [moved]
    other = hub.artifacts.register("model", "n", {"a": 1}, by="admin")
    with pytest.raises(UsageError, match="is a version of 'model/n', not of 'model/m'"):
        hub.artifacts.move("model/m", "live", other.id, by="ann")
    with pytest.raises(NotFound, match=r"Did you mean 'model/m@live'\?"):
        hub.artifacts.resolve("model/m@lvie")
    with pytest.raises(NotFound):
        hub.artifacts.versions("model/x")
    with pytest.raises(UsageError, match="name of a alias"):
        hub.artifacts.move("model/m", "@", first.id, by="ann")


@pytest.mark.parametrize(
    ("kind", "name", "manifest", "said"),
    [
        ("modle", "m", MANIFEST, "Did you mean 'model'?"),
        ("model", "M", MANIFEST, "cannot be the name"),
        ("model", "m", {}, "manifest is empty"),
        ("model", "m", {"a": object()}, "not JSON"),
        ("model", "m", {"a": "\ud800"}, "not JSON"),
    ],
)
def test_what_a_version_cannot_be(hub: Hub, kind: str, name: str, manifest: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        hub.artifacts.register(kind, name, manifest, by="admin")  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert hub.artifacts.count() == 0


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


P256 = pem(ec.generate_private_key(ec.SECP256R1()))
P384 = pem(ec.generate_private_key(ec.SECP384R1()))
ED = pem(ed25519.Ed25519PrivateKey.generate())
WEAK_RSA = pem(rsa.generate_private_key(65537, 1024))
PRIVATE = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def issuer(**fields: str) -> IdentityIssuer:
    return IdentityIssuer(**{"id": "corp", "algorithm": "HS256", "created_us": 0, **fields})  # type: ignore[arg-type]


def test_issuers(hub: Hub) -> None:
    made = hub.issuers.create(issuer(secret="CORP_HMAC"), by="admin")
    assert hub.issuers.get("corp") == made
    with pytest.raises(Conflict):
        hub.issuers.create(issuer(secret="CORP_HMAC"), by="admin")
    replaced = hub.issuers.replace(issuer(algorithm="ES256", public_key=P256), by="admin")
    assert (replaced.algorithm, replaced.created_us) == ("ES256", made.created_us)
    hub.issuers.create(issuer(id="ed", algorithm="EdDSA", public_key=ED), by="admin")
    hub.issuers.remove("corp", by="admin")
    assert [each.id for each in hub.issuers.list()] == ["ed"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"secret": ""}, "needs the name of a secret"),
        ({"secret": "A", "public_key": ED}, "and no public key"),
        ({"algorithm": "EdDSA", "secret": "A"}, "needs a public key"),
        ({"algorithm": "EdDSA", "public_key": "nonsense"}, "cannot be read as PEM"),
        ({"algorithm": "EdDSA", "public_key": PRIVATE}, "is a private key"),
        ({"algorithm": "EdDSA", "public_key": P256}, "not one for EdDSA"),
        ({"algorithm": "ES256", "public_key": P384}, "not one for ES256"),
        ({"algorithm": "RS256", "public_key": WEAK_RSA}, "at least 2048 bits"),
        ({"algorithm": "none", "secret": "A"}, "not well formed"),
        ({"id": "Corp", "secret": "A"}, "cannot be the name of a issuer"),
    ],
)
def test_what_an_issuer_cannot_be(hub: Hub, fields: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        hub.issuers.create(issuer(**fields), by="admin")
    assert said in str(caught.value)
    assert "PRIVATE KEY-----\nM" not in str(caught.value)
    assert hub.issuers.count() == 0
