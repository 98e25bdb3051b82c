"""What became of the generated images of a call: which of them say, signed, that a model made them."""

from typing import Literal

import msgspec


class ImageMark(msgspec.Struct, frozen=True, array_like=True):
    """One image on its way to the client. `marked`: it carries a manifest. `url`: the provider gave an address instead
    of the image; `format`: images of that type carry none; `error`: it could not be signed, for `reason`. `parent`: its
    provider had signed it before, and that manifest is kept within ours. `media_type`: empty where nobody knows."""

    outcome: Literal["marked", "url", "format", "error"]
    media_type: str = ""
    bytes: int = 0
    parent: bool = False
    reason: str = ""


PROVENANCE_ATTRIBUTE = "genaiops.provenance.images"
"""The attribute of a content that lists the images of its answer, each as an ImageMark with names."""
