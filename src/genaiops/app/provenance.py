"""Marking generated images: with which certificate, whether it is done, and what is missing if not."""

import datetime
import logging
from pathlib import Path

from genaiops.app.home import Home
from genaiops.app.settings import Settings
from genaiops.core.errors import ConfigError, GenaiopsError
from genaiops.engines.c2pa_manifest import (
    CHAIN_FILE,
    KEY_FILE,
    ROOT_FILE,
    Credentials,
    given_credentials,
    is_installed,
    own_credentials,
)
from genaiops.engines.image_marking import ProcessMarker
from genaiops.ports.provenance import Certificate, ProvenanceState

_log = logging.getLogger("genaiops.provenance")

INSTALL = "Install the extra: pip install 'genaiops[c2pa]'."


def open_marker(settings: Settings, home: Home) -> ProcessMarker | None:
    """For a gateway worker. None: images go out as they are. What is required and cannot be done is answered by a
    marker that marks nothing: then no image goes out."""
    mode = settings.provenance.images
    files = _files(settings, home)
    if mode == "off" or (mode == "auto" and not (is_installed() and all(file.is_file() for file in files))):
        return None
    return ProcessMarker(files, required=mode == "required")


def ensure(settings: Settings, home: Home) -> None:
    """Before a start: make the installation's own certificate where none is given. ConfigError when images must be
    marked and cannot be."""
    mode = settings.provenance.images
    if mode == "off" or (mode == "auto" and not is_installed()):
        return
    if not is_installed():
        raise ConfigError(
            "provenance.images is 'required', and what signs images is not installed.",
            remedy=f"{INSTALL} Or set provenance.images to auto.",
            param="provenance.images",
        )
    try:
        _credentials(settings, home)
    except GenaiopsError as error:
        if mode == "required":
            raise
        _log.warning("Generated images are not marked: %s", error)


def provenance_state(settings: Settings, home: Home) -> ProvenanceState:
    """Never fails; `problem` says why images are not marked."""
    given = settings.provenance
    state = ProvenanceState(mode=given.images, active=False, installed=is_installed(), own=not given.certificate)
    if given.images == "off":
        return _troubled(state, "provenance.images is off.", "Set provenance.images to auto.")
    if not state.installed:
        return _troubled(state, "The package c2pa-python is not installed.", INSTALL)
    files = _files(settings, home)
    if state.own and not all(file.is_file() for file in files):
        return _troubled(state, "There is no certificate yet.", "The next start makes one.")
    try:
        found = given_credentials(*files)
    except GenaiopsError as error:
        return _troubled(state, error.message, error.remedy or "Look at the settings of [provenance].")
    certificate = _certificate(found)
    if certificate.days_left < 0:
        return _troubled(
            state, f"The certificate ended at {certificate.not_after}.", "Put a new one in its place.", certificate
        )
    return ProvenanceState(
        mode=state.mode, active=True, installed=True, own=state.own, certificate=certificate, root=found.root
    )


def root_of(settings: Settings, home: Home) -> str:
    """What verifying takes for trusted (PEM); empty where there is nothing."""
    return provenance_state(settings, home).root


def _files(settings: Settings, home: Home) -> tuple[Path, ...]:
    """Of the certificates, their key and the root, if there is one."""
    given = settings.provenance
    if given.certificate:
        return tuple(home.path / name for name in (given.certificate, given.key, given.root) if name)
    return tuple(home.provenance / name for name in (CHAIN_FILE, KEY_FILE, ROOT_FILE))


def _credentials(settings: Settings, home: Home) -> Credentials:
    if settings.provenance.certificate:
        return given_credentials(*_files(settings, home))
    return own_credentials(home.provenance, settings.provenance.organisation)


def _troubled(
    state: ProvenanceState, problem: str, remedy: str, certificate: Certificate | None = None
) -> ProvenanceState:
    return ProvenanceState(
        mode=state.mode,
        active=False,
        installed=state.installed,
        own=state.own,
        certificate=certificate,
        problem=problem,
        remedy=remedy,
    )


def _certificate(credentials: Credentials) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    leaf = x509.load_pem_x509_certificates(credentials.chain.encode())[0]
    names = leaf.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    left = leaf.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return Certificate(
        organisation=str(names[0].value) if names else leaf.subject.rfc4514_string(),
        algorithm=credentials.algorithm,
        not_after=leaf.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        days_left=left.days,
        sha256=leaf.fingerprint(hashes.SHA256()).hex(),
    )
