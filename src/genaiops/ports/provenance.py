"""Marking generated images as such, as the gateway knows it: an answer goes in, the answer with signed images comes
out.
"""

from typing import Literal, Protocol

import msgspec

from genaiops.domain import ImageMark


class MadeBy(msgspec.Struct, frozen=True):
    """What is told of an image, in it: the model as its provider calls it, the provider, the id of the request. No
    word of what was said."""

    model: str
    provider: str
    request: str


class MarkedAnswer(msgspec.Struct, frozen=True):
    """`bodies` as they came, but for their images. `marks`: one for each image of the first of them, in their order."""

    bodies: tuple[bytes, ...]
    marks: tuple[ImageMark, ...]


class ImageMarker(Protocol):
    """Of one worker."""

    @property
    def required(self) -> bool:
        """Images that cannot be marked must not go out."""
        ...

    async def mark(self, bodies: tuple[bytes, ...], made: MadeBy) -> MarkedAnswer:
        """Of an answer in JSON, or of whole server-sent events; further bodies are other versions of the same. Never
        fails: an image that could not be marked stays as it is, and its mark says why."""
        ...

    async def aclose(self) -> None: ...


class Certificate(msgspec.Struct, frozen=True):
    """With what images are signed. `organisation` stands in every manifest as its issuer; `sha256` of the certificate
    in DER (hex); `not_after` in ISO 8601."""

    organisation: str
    algorithm: str
    not_after: str
    days_left: int
    sha256: str


class ProvenanceState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether generated images are marked here (`active`). `mode` is the setting, `installed` the library, `own` the
    installation's own certificate and not one that an authority gave out. `problem` and `remedy`: why they are not.
    `root`: the certificate to give to those who are to verify images (PEM; empty: the authority's is known to them)."""

    mode: Literal["auto", "required", "off"]
    active: bool
    installed: bool
    own: bool
    certificate: Certificate | None = None
    root: str = ""
    problem: str = ""
    remedy: str = ""
