"""The provenance of a generated image, signed into it as a C2PA manifest (the extra `c2pa`): https://c2pa.org.

The manifest says that the image was created by a model (`c2pa.created`, IPTC's digital source type
trainedAlgorithmicMedia), by which, with which software, and when; a signature binds it to the image's bytes. An image
that came with a manifest keeps it, as the parent of ours. What a manifest cannot do: stay with an image that somebody
saves anew, photographs or strips. Nothing is asked of a network, so it has no trusted time stamp and no certificate is
looked up among the revoked.

An installation's own authority makes a manifest that shows when an image was changed since; only who was given its root
certificate can tell by whom it was signed.
"""

import datetime
import importlib
import importlib.metadata
import io
import os
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import ConfigError, StoreError, UsageError
from genaiops.domain import Verdict

GENERATED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CHAIN_FILE: Final = "c2pa-chain.pem"
KEY_FILE: Final = "c2pa-key.pem"
ROOT_FILE: Final = "c2pa-root.pem"
_YEARS: Final = 10
_ALGORITHMS: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


class Credentials(msgspec.Struct, frozen=True):
    """`chain`: the certificate that signs and those above it, in this order, without the root; `key` is its private
    key (PKCS 8); `root`: what verifying takes for trusted. All PEM. `algorithm` as C2PA calls it: es256, ps256 ..."""

    chain: str
    key: str
    algorithm: str
    root: str = ""

    def __repr__(self) -> str:
        return f"Credentials(algorithm={self.algorithm!r})"


class Origin(msgspec.Struct, frozen=True):
    """What made an image. `model` as the provider calls it; `version` is ours; `request`: the id of the request that
    it answers, by which its trace is found."""

    model: str
    provider: str
    version: str
    title: str = ""
    request: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """What an image says of its origin. `actions`: C2PA's names of them; `generated`: one of them says that it was
    created by a model; `agent`: the software of that action; `trusted`: the signature leads to a root that was
    given; `parent`: who signed the manifest that the image had before (empty: it had none)."""

    issuer: str
    generator: str
    title: str
    actions: tuple[str, ...]
    generated: bool
    model: str
    agent: str
    trusted: bool
    label: str
    request: str = ""
    parent: str = ""


def is_installed() -> bool:
    """Without importing it."""
    try:
        importlib.metadata.version("c2pa-python")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def carries(media_type: str) -> bool:
    """Whether images of a type can carry a manifest."""
    return media_type.startswith("image/") and media_type in _c2pa().Builder.get_supported_mime_types()


def sign(image: bytes, media_type: str, origin: Origin, credentials: Credentials) -> tuple[bytes, Verdict]:
    """The image with a manifest; the one that it had is the parent of it (`c2pa.opened` is among the evidence then).
    Unchanged, with fail: its type cannot carry one; with error: it is not what its type says, or the credentials do
    not serve for signing."""
    c2pa = _c2pa()
    if not carries(media_type):
        return image, Verdict(outcome="fail", reason=f"An image of the type {media_type} cannot carry a manifest.")
    signed = io.BytesIO()
    try:
        info = c2pa.C2paSignerInfo(
            credentials.algorithm.encode(), credentials.chain.encode(), credentials.key.encode(), None
        )
        with _context(credentials.root) as context, c2pa.Signer.from_info(info) as signer:
            signed_before = _has_manifest(image, media_type, context)
            with c2pa.Builder(_definition(origin, media_type, opened=signed_before), context) as builder:
                if signed_before:
                    builder.add_ingredient(_PARENT, media_type, io.BytesIO(image))
                builder.sign(signer, media_type, io.BytesIO(image), signed)
    except c2pa.C2paError as error:
        return image, Verdict(outcome="error", reason=f"The image was not signed: {error}.")
    first = "c2pa.opened" if signed_before else "c2pa.created"
    return signed.getvalue(), Verdict(outcome="pass", evidence=(first, GENERATED))


_SOURCE: Final = "source"
_PARENT: Final = msgspec.json.encode(
    {"title": "image as its provider signed it", "relationship": "parentOf", "instance_id": _SOURCE}
).decode()


def _has_manifest(image: bytes, media_type: str, context: Any) -> bool:
    reader = _c2pa().Reader.try_create(media_type, io.BytesIO(image), context=context)
    if reader is None:
        return False
    reader.close()
    return True


def _definition(origin: Origin, media_type: str, *, opened: bool) -> str:
    """A manifest begins with `c2pa.created` or `c2pa.opened`, and has one of them (C2PA 2.2, section 19.11): of an
    image that its provider signed we say that we opened it and gave it on."""
    agent = {"name": "genaiops", "version": origin.version}
    said = {"genaiops.model": origin.model, "genaiops.provider": origin.provider, "genaiops.request": origin.request}
    made: dict[str, Any] = {
        "action": "c2pa.published" if opened else "c2pa.created",
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "digitalSourceType": GENERATED,
        "softwareAgent": agent,
        "parameters": {name: value for name, value in said.items() if value},
    }
    actions = [made]
    if opened:
        actions.insert(0, {"action": "c2pa.opened", "parameters": {"ingredientIds": [_SOURCE]}})
    return msgspec.json.encode(
        {
            "claim_generator_info": [agent],
            "title": origin.title or "image",
            "format": media_type,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
        }
    ).decode()


def verify(image: bytes, media_type: str, root: str = "") -> tuple[Manifest | None, Verdict]:
    """The manifest of an image, if it has one. pass: the image is as it was signed, by somebody below `root` (PEM; may
    hold several); warn: as it was signed, by somebody unknown; fail: changed since, or without a manifest; error: not
    readable. `evidence` holds C2PA's codes of what is wrong."""
    c2pa = _c2pa()
    try:
        with _context(root) as context:
            reader = c2pa.Reader.try_create(media_type, io.BytesIO(image), context=context)
            if reader is None:
                return None, Verdict(outcome="fail", reason="The image carries no manifest.")
            with reader:
                report: dict[str, Any] = msgspec.json.decode(reader.json())
    except c2pa.C2paError as error:
        return None, Verdict(outcome="error", reason=f"The image's manifest cannot be read: {error}.")
    state = report.get("validation_state", "Invalid")
    codes = _codes(report)
    manifest = _manifest(report, trusted=state == "Trusted")
    if state == "Invalid" or manifest is None:
        return manifest, Verdict(outcome="fail", reason="The image is not as it was signed.", evidence=codes)
    if state != "Trusted":
        reason = f"The image is as it was signed, but who signed it ({manifest.issuer}) is not among the trusted."
        return manifest, Verdict(outcome="warn", reason=reason, evidence=codes)
    return manifest, Verdict(outcome="pass", evidence=codes)


def _codes(report: dict[str, Any]) -> tuple[str, ...]:
    failures = _items(_held(_held(report, "validation_results"), "activeManifest"), "failure")
    return tuple(dict.fromkeys(str(each.get("code", "")) for each in failures))


def _manifest(report: dict[str, Any], *, trusted: bool) -> Manifest | None:
    label = str(report.get("active_manifest", ""))
    held = _held(_held(report, "manifests"), label)
    if not held:
        return None
    assertions = (each for each in _items(held, "assertions") if str(each.get("label")).startswith("c2pa.actions"))
    actions = [action for each in assertions for action in _items(_held(each, "data"), "actions")]
    nothing: dict[str, Any] = {}
    made = next((each for each in actions if each.get("digitalSourceType") == GENERATED), nothing)
    agent = made.get("softwareAgent", "")
    return Manifest(
        issuer=str(_held(held, "signature_info").get("issuer", "")),
        generator=str(next(iter(_items(held, "claim_generator_info")), nothing).get("name", "")),
        title=str(held.get("title", "")),
        actions=tuple(str(each.get("action", "")) for each in actions),
        generated=bool(made),
        model=str(_held(made, "parameters").get("genaiops.model", "")),
        agent=agent if isinstance(agent, str) else str(_held(made, "softwareAgent").get("name", "")),
        trusted=trusted,
        label=label,
        request=str(_held(made, "parameters").get("genaiops.request", "")),
        parent=_parent(report, held),
    )


def _parent(report: dict[str, Any], held: dict[str, Any]) -> str:
    """Who signed the manifest that this one follows."""
    parent = next((one for one in _items(held, "ingredients") if one.get("relationship") == "parentOf"), None)
    former = _held(_held(report, "manifests"), str((parent or {}).get("active_manifest", "")))
    return str(_held(former, "signature_info").get("issuer", ""))


def _held(values: dict[str, Any], name: str) -> dict[str, Any]:
    """What others put into their manifests may have any form."""
    value = values.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _items(values: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = values.get(name)
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [each for each in items if isinstance(each, dict)]


def _context(root: str) -> Any:
    c2pa = _c2pa()
    settings: dict[str, Any] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if root:
        settings["trust"] = {"user_anchors": root}
    return c2pa.Context.from_dict(settings)


def _c2pa() -> Any:
    try:
        return importlib.import_module("c2pa")
    except ImportError as error:
        raise ConfigError(
            "Images are signed by the package c2pa-python, which is not installed.",
            remedy="Install the extra: pip install 'genaiops[c2pa]'.",
        ) from error


def given_credentials(chain: Path, key: Path, root: Path | None = None) -> Credentials:
    """From PEM files, as an authority gave them out. ConfigError for what is missing or does not fit together."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        texts = [each.read_text(encoding="ascii") for each in (chain, key)]
        texts.append(certificates_in(root) if root else "")
        private = serialization.load_pem_private_key(texts[1].encode(), None)
        certificate = x509.load_pem_x509_certificates(texts[0].encode())[0]
    except UsageError as error:
        raise ConfigError(f"The root {root} is no certificate.", remedy="Give PEM files.") from error
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"The certificate {chain} with the key {key} cannot be read: {error}.",
            remedy="Give PEM files: the certificate and those above it, and its private key without a password.",
        ) from error
    if certificate.public_key() != private.public_key():
        raise ConfigError(f"The key {key} is not that of the certificate {chain}.", remedy="Give the two that belong.")
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _ALGORITHMS:
        algorithm = _ALGORITHMS[private.curve.name]
    elif isinstance(private, rsa.RSAPrivateKey):
        algorithm = "ps256"
    elif isinstance(private, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    else:
        raise ConfigError(
            f"C2PA does not sign with a key like {key}.", remedy="Take P-256, P-384, P-521, RSA or Ed25519."
        )
    return Credentials(texts[0], texts[1], algorithm, texts[2])


def certificates_in(file: Path) -> str:
    """The certificates of a PEM file, which is all that a root is. UsageError when it is none."""
    from cryptography import x509

    try:
        text = file.read_text(encoding="ascii")
        x509.load_pem_x509_certificates(text.encode())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file} cannot be read as a certificate: {error}.", remedy="Name a PEM file with certificates."
        ) from error
    return text


def own_credentials(folder: Path, organisation: str) -> Credentials:
    """Those of this installation, kept in `folder` (readable by their owner only): read, or made the first time.
    `organisation` stands in every manifest as its issuer. StoreError where the folder cannot be written."""
    paths = (folder / CHAIN_FILE, folder / KEY_FILE, folder / ROOT_FILE)
    if not all(path.is_file() for path in paths):
        if not 0 < len(organisation) <= 64:
            raise UsageError(f"{organisation!r} is no name of an organisation.", remedy="Give 1 to 64 characters.")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path, text in zip(paths, _made(organisation), strict=True):
                _write(path, text)
        except OSError as error:
            raise StoreError(f"The certificate for images cannot be kept in {folder}: {error}.") from error
    return given_credentials(*paths)


def _write(path: Path, text: str) -> None:
    scratch = path.with_suffix(".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def _made(organisation: str) -> tuple[str, str, str]:
    """Chain, key and root. C2PA wants a certificate that an authority issued, not one that signed itself; the
    authority's key is forgotten, so that it can never issue another."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    def usage(*, authority: bool) -> x509.KeyUsage:
        return x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    since, until = now - datetime.timedelta(hours=1), now + datetime.timedelta(days=365 * _YEARS)

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(named("genaiops images root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )

    root = (
        builder(named("genaiops images root"), root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(authority=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        builder(named("genaiops images"), key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return leaf.public_bytes(pem).decode(), private.decode(), root.public_bytes(pem).decode()
