"""Signed notes (C2SP signed-note) with Ed25519, and the checkpoints written in them (C2SP tlog-checkpoint)."""

import base64
import binascii
import hashlib
from typing import Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from genaiops.core.errors import UsageError

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_DASH = "\N{EM DASH} "
_SEED_BYTES = 32


class Verifier(msgspec.Struct, frozen=True):
    """The public part of a key, `name+hash+key` as text."""

    name: str
    public: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """UsageError when the text is no verifier key of Ed25519."""
        parts = text.strip().split("+", 2)
        raw = _unbase64(parts[2]) if len(parts) == 3 else b""
        found = cls(parts[0], raw[1:])
        if raw[:1] != _ED25519 or len(found.public) != _SEED_BYTES or parts[1] != found.id:
            raise UsageError(
                f"{text[:80]!r} is no key that verifies checkpoints.",
                remedy="Give it as `genaiops audit checkpoint` prints it: NAME+HASH+KEY.",
                code="not_a_verifier",
            )
        return found

    @property
    def id(self) -> str:
        """Of the key: the first four bytes of SHA-256(name, newline, algorithm and key), in hexadecimal."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.name}+{self.id}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def signed(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """Signs notes under a name. Shows nothing of itself."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def new(cls, name: str) -> Self:
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def read(cls, text: str) -> Self:
        """UsageError, without the text, when it is none."""
        parts = text.strip().removeprefix(_PRIVATE).split("+", 2)
        raw = _unbase64(parts[2]) if len(parts) == 3 and text.startswith(_PRIVATE) else b""
        if raw[:1] != _ED25519 or len(raw) != _SEED_BYTES + 1:
            raise UsageError(
                "The key of the audit log in the secrets cannot be read.",
                remedy="Restore secrets.enc and secrets.key from where they were kept.",
                code="audit_key_unreadable",
            )
        return cls(parts[0], raw[1:])

    def text(self) -> str:
        """For the secrets' store, and nowhere else."""
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.id}+{base64.b64encode(_ED25519 + self._seed).decode()}"

    def sign(self, text: str) -> str:
        """The note: `text`, which ends with a newline, an empty line, and the signature."""
        signature = base64.b64encode(bytes.fromhex(self.verifier.id) + self._key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.verifier.name} {signature}\n"


class Signed(msgspec.Struct, frozen=True):
    """What a checkpoint says, and which of the keys signed it (None: none of them)."""

    origin: str
    size: int
    root: str
    by: Verifier | None


def checkpoint_text(origin: str, size: int, root: str) -> str:
    """The three lines of a checkpoint. `root` is hexadecimal here and base64 there."""
    return f"{origin}\n{size}\n{base64.b64encode(bytes.fromhex(root)).decode()}\n"


def read_checkpoint(note: str, verifiers: tuple[Verifier, ...] = ()) -> Signed:
    """UsageError when the note is no checkpoint. Signatures of other keys are left alone, as the format wants it."""
    text, gap, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    root = _unbase64(lines[2]) if len(lines) >= 3 else b""
    if not gap or not lines[0] or len(root) != 32 or not _is_size(lines[1]):
        raise UsageError(
            f"This is no checkpoint of an audit log: {note[:60]!r}.",
            remedy="Give one as `genaiops audit checkpoint` prints it.",
            code="not_a_checkpoint",
        )
    return Signed(lines[0], int(lines[1]), root.hex(), _signer(text + "\n", signatures, verifiers))


def read_note(note: str, verifiers: tuple[Verifier, ...]) -> tuple[str, Verifier | None]:
    """The text of a signed note, with its last newline, and which of the keys signed it (None: none of them)."""
    text, _, signatures = note.rpartition("\n\n")
    return text + "\n", _signer(text + "\n", signatures, verifiers)


def _signer(text: str, signatures: str, verifiers: tuple[Verifier, ...]) -> Verifier | None:
    by = None
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        raw = _unbase64(encoded)
        for verifier in verifiers if line.startswith(_DASH) else ():
            fits = verifier.name == name and raw[:4].hex() == verifier.id
            if fits and verifier.signed(text, raw[4:]):
                by = verifier
    return by


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19 and (text == "0" or not text.startswith("0"))


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
