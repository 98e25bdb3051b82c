"""Issuers: the configured keys that the identity of end users is checked against."""

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import IdentityIssuer
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import as_stored, checked_name, checked_text
from genaiops.ports.records import Records

_LEAST_RSA_BITS = 2048


class Issuers(Service[IdentityIssuer]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, IdentityIssuer, "issuer")

    def create(self, issuer: IdentityIssuer, *, by: str) -> IdentityIssuer:
        """`created_us` is set here."""
        issuer = _checked(msgspec.structs.replace(issuer, created_us=self._clock()))
        with self._records.write(by) as unit:
            unit.add(issuer)
        return issuer

    def replace(self, issuer: IdentityIssuer, *, by: str) -> IdentityIssuer:
        with self._records.write(by) as unit:
            former = self._existing(unit, issuer.id)
            issuer = _checked(msgspec.structs.replace(issuer, created_us=former.created_us))
            unit.replace(issuer)
        return issuer

    def remove(self, issuer_id: str, *, by: str) -> None:
        with self._records.write(by) as unit:
            self._existing(unit, issuer_id)
            unit.remove(IdentityIssuer, issuer_id)


def _checked(issuer: IdentityIssuer) -> IdentityIssuer:
    issuer = as_stored(issuer)
    checked_name(issuer.id, word="issuer", param="id")
    checked_text(issuer.groups_claim, param="groups_claim")
    if issuer.algorithm == "HS256":
        if not issuer.secret or issuer.public_key is not None:
            raise UsageError(
                f"The issuer {issuer.id!r} is of HS256 and needs the name of a secret, and no public key.",
                remedy="Set secret to the name of a secret in the store.",
                param="secret",
            )
        checked_text(issuer.secret, param="secret")
    elif not issuer.public_key or issuer.secret is not None:
        raise UsageError(
            f"The issuer {issuer.id!r} is of {issuer.algorithm} and needs a public key, and no secret.",
            remedy="Set public_key to the PEM text.",
            param="public_key",
        )
    else:
        _check_public_key(issuer.public_key, issuer.algorithm)
    return issuer


def _check_public_key(pem: str, algorithm: str) -> None:
    # Loads a native library; only this check needs it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in pem:
        raise UsageError(
            "public_key is a private key.", remedy="Give the public one, and replace the pair.", param="public_key"
        )
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "public_key cannot be read as PEM.", remedy="Give the text from BEGIN to END.", param="public_key"
        ) from error
    fits = {
        "RS256": isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS,
        "ES256": isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1),
        "EdDSA": isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey),
    }
    if not fits[algorithm]:
        raise UsageError(
            f"public_key is not one for {algorithm}.",
            remedy="RS256 needs RSA of at least 2048 bits, ES256 the curve P-256, EdDSA Ed25519 or Ed448.",
            param="public_key",
        )
