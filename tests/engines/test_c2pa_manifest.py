"""Images are signed by the real library and read back by it; certificates are checked by another one."""

import base64
import stat
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from genaiops.core.errors import ConfigError, UsageError
from genaiops.engines.c2pa_manifest import (
    GENERATED,
    KEY_FILE,
    Credentials,
    Origin,
    given_credentials,
    is_installed,
    own_credentials,
    sign,
    verify,
)
from tests.conftest import Require

ORIGIN = Origin("image-1", "own", "1.2.3", title="A lighthouse", request="req_1")


def png(comment: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    header += chunk(b"tEXt", b"Comment\0" + comment) if comment else b""
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0\xc8")) + chunk(b"IEND", b"")


IMAGES = {
    "image/png": png(),
    "image/jpeg": base64.b64decode(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAFA3PEY8MlBGQUZaVVBfeMiCeG5uePWvuZHI////////////////////////////////////////"
        "////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8Ad//Z"
    ),
    "image/webp": base64.b64decode("UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAAdQ5CIXuf+BiOh/AAA="),
}


@pytest.fixture(scope="module")
def library(require: Require) -> None:
    require(is_installed(), "c2pa-python", "make dev")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return own_credentials(tmp_path_factory.mktemp("own"), "Example Ltd")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("media_type", IMAGES)
def test_a_signed_image_says_what_made_it(own: Credentials, media_type: str) -> None:
    signed, verdict = sign(IMAGES[media_type], media_type, ORIGIN, own)
    assert verdict.outcome == "pass"
    assert GENERATED in verdict.evidence
    manifest, verdict = verify(signed, media_type, own.root)
    assert verdict.outcome == "pass"
    assert manifest is not None
    assert manifest.generated
    assert manifest.trusted
    assert manifest.actions == ("c2pa.created",)
    assert (manifest.model, manifest.agent, manifest.generator) == ("image-1", "genaiops", "genaiops")
    assert (manifest.issuer, manifest.title, manifest.request) == ("Example Ltd", "A lighthouse", "req_1")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("media_type", IMAGES)
def test_the_manifest_of_a_provider_is_the_parent_of_ours(own: Credentials, tmp_path: Path, media_type: str) -> None:
    theirs = own_credentials(tmp_path, "A provider")
    given, _ = sign(IMAGES[media_type], media_type, Origin("theirs", "them", "1"), theirs)
    signed, verdict = sign(given, media_type, ORIGIN, own)
    assert (verdict.outcome, verdict.evidence[0]) == ("pass", "c2pa.opened")
    manifest, verdict = verify(signed, media_type, own.root)
    assert verdict.outcome == "pass"
    assert manifest is not None
    assert (manifest.issuer, manifest.parent) == ("Example Ltd", "A provider")
    assert (manifest.generated, manifest.model) == (True, "image-1")
    assert manifest.actions == ("c2pa.opened", "c2pa.published")


@pytest.mark.usefixtures("library")
def test_an_unknown_signer_is_a_warning(own: Credentials, tmp_path: Path) -> None:
    signed, _ = sign(IMAGES["image/png"], "image/png", ORIGIN, own)
    other = own_credentials(tmp_path, "Example Ltd")
    for root in ("", other.root):
        manifest, verdict = verify(signed, "image/png", root)
        assert (verdict.outcome, verdict.evidence) == ("warn", ("signingCredential.untrusted",))
        assert manifest is not None
        assert not manifest.trusted


@pytest.mark.usefixtures("library")
def test_a_changed_image_fails(own: Credentials) -> None:
    signed, _ = sign(IMAGES["image/png"], "image/png", ORIGIN, own)
    changed = bytearray(signed)
    changed[signed.index(b"IDAT") + 8] ^= 1
    _, verdict = verify(bytes(changed), "image/png", own.root)
    assert (verdict.outcome, verdict.evidence) == ("fail", ("assertion.dataHash.mismatch",))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("media_type", IMAGES)
def test_an_image_without_a_manifest_fails(media_type: str) -> None:
    manifest, verdict = verify(IMAGES[media_type], media_type)
    assert manifest is None
    assert (verdict.outcome, verdict.reason) == ("fail", "The image carries no manifest.")


@pytest.mark.usefixtures("library")
def test_what_cannot_be_signed_stays_what_it_is(own: Credentials) -> None:
    image, verdict = sign(b"BM", "image/bmp", ORIGIN, own)
    assert (image, verdict.outcome) == (b"BM", "fail")
    assert "image/bmp cannot carry" in verdict.reason
    image, verdict = sign(IMAGES["image/png"], "image/jpeg", ORIGIN, own)
    assert (image, verdict.outcome) == (IMAGES["image/png"], "error")
    image, verdict = sign(IMAGES["image/png"], "image/png", ORIGIN, Credentials(own.chain, "no key", own.algorithm))
    assert (image, verdict.outcome) == (IMAGES["image/png"], "error")
    assert verify(b"no image", "image/png")[1].outcome == "error"


def test_own_credentials_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    made = own_credentials(tmp_path / "keys", "Example Ltd")
    assert own_credentials(tmp_path / "keys", "Another") == made
    assert stat.S_IMODE((tmp_path / "keys" / KEY_FILE).stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(made)
    (leaf,) = x509.load_pem_x509_certificates(made.chain.encode())
    root = x509.load_pem_x509_certificate(made.root.encode())
    leaf.verify_directly_issued_by(root)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(UsageError, match="no name of an organisation"):
        own_credentials(tmp_path / "others", "")


@pytest.mark.parametrize(
    ("make", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ed25519.Ed25519PrivateKey.generate, "ed25519"),
        (lambda: rsa.generate_private_key(65537, 2048), "ps256"),
    ],
    ids=["es384", "ed25519", "ps256"],
)
def test_given_credentials_bring_their_algorithm(
    tmp_path: Path, make: Callable[[], object], algorithm: str, own: Credentials
) -> None:
    key = make()
    assert isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    old = x509.load_pem_x509_certificate(own.chain.encode())
    certificate = x509.CertificateBuilder(
        name, name, key.public_key(), 1, old.not_valid_before_utc, old.not_valid_after_utc
    ).sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    pem = serialization.Encoding.PEM
    (tmp_path / "c").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "k").write_bytes(private)
    assert given_credentials(tmp_path / "c", tmp_path / "k").algorithm == algorithm
    (tmp_path / "other").write_text(own.key)
    with pytest.raises(ConfigError, match="is not that of the certificate"):
        given_credentials(tmp_path / "c", tmp_path / "other")


def test_what_cannot_be_read_is_refused(tmp_path: Path, own: Credentials) -> None:
    (tmp_path / "c").write_text(own.chain)
    with pytest.raises(ConfigError, match="cannot be read"):
        given_credentials(tmp_path / "c", tmp_path / "gone")
    key = x25519.X25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "k").write_bytes(private)
    with pytest.raises(ConfigError):
        given_credentials(tmp_path / "c", tmp_path / "k")
