"""Metrics of images against a reference of the same size: PSNR and SSIM. An image is a data URL, or base64."""

import base64
import binascii
import io
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from math import log10
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

MOST_PIXELS: Final = 40_000_000
_MOST_DB: Final = 100.0
_EXTRA: Final = "images"
_LACKING: Final = "Images are read by Pillow, which is not installed: pip install 'genaiops[images]'"
_NEEDS: Final = (
    "An image is a data URL (data:image/png;base64,...) or base64, of PNG, JPEG, WebP or GIF; its transparency "
)
_SIGMA, _TRUNCATE, _UNIFORM = 1.5, 3.5, 7


class _NoImage(Exception):
    """A text that is none."""


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Ssim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    window: Literal["gaussian", "uniform"] = "gaussian"


def _psnr(options: Mapping[str, Any]) -> Metric:
    read_options(_None, options, "psnr")

    def of(ours: Any, theirs: Any) -> float:
        error = float(((ours - theirs) ** 2).mean())
        return min(_MOST_DB, 10 * log10(255**2 / error)) if error else _MOST_DB

    card = MetricCard(
        name="psnr",
        title="Peak signal-to-noise ratio",
        version="1",
        unit="dB",
        high=_MOST_DB,
        source="10 log10(255^2 / MSE) over all pixels and the channels R, G, B; at most 100, which images that are the "
        "same have. Of several references the best counts.",
        reference="skimage.metrics.peak_signal_noise_ratio, data_range=255",
        tasks=("image",),
        extra=_EXTRA,
        about=f"{_NEEDS}does not count. It sees no structure: a shift by one pixel costs much.",
    )
    return _metric(card, of)


def _structural(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Ssim, options, "ssim")

    def of(ours: Any, theirs: Any) -> float:
        return ssim(ours, theirs, gaussian=chosen.window == "gaussian")

    card = MetricCard(
        name="ssim",
        title="Structural similarity",
        version=f"1/{chosen.window}",
        low=-1.0,
        source="Wang et al., Image quality assessment, IEEE Transactions on Image Processing 13, 2004: Gaussian window "
        "of 11 and sigma 1.5, K1 0.01, K2 0.03; the mean over R, G, B. Of several references the best counts.",
        reference="skimage.metrics.structural_similarity, with gaussian_weights=True, sigma=1.5, "
        "use_sample_covariance=False (window = uniform: its defaults), data_range=255, channel_axis=2",
        options={"window": "gaussian, or uniform: 7 by 7, as scikit-image has it by default (gaussian)"},
        tasks=("image",),
        extra=_EXTRA,
        about=f"{_NEEDS}does not count. Figures of the two windows are not compared.",
    )
    return _metric(card, of)


def ssim(ours: Any, theirs: Any, *, gaussian: bool) -> float:
    """Of arrays (height, width, channels) of 0 to 255, at least as large as the window."""
    filters: Any = import_module("scipy.ndimage")  # its filters have no types

    def smooth(values: Any) -> Any:
        if gaussian:
            return filters.gaussian_filter(values, sigma=_SIGMA, truncate=_TRUNCATE)
        return filters.uniform_filter(values, size=_UNIFORM)

    size = 2 * int(_TRUNCATE * _SIGMA + 0.5) + 1 if gaussian else _UNIFORM
    edge = (size - 1) // 2
    unbiased = 1.0 if gaussian else size**2 / (size**2 - 1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found: list[float] = []
    for channel in range(ours.shape[2]):
        x, y = ours[..., channel], theirs[..., channel]
        ux, uy = smooth(x), smooth(y)
        vx, vy = (unbiased * (smooth(each * each) - mean * mean) for each, mean in ((x, ux), (y, uy)))
        both = unbiased * (smooth(x * y) - ux * uy)
        local = (2 * ux * uy + c1) * (2 * both + c2) / ((ux**2 + uy**2 + c1) * (vx + vy + c2))
        found.append(float(local[edge:-edge, edge:-edge].mean()))
    return sum(found) / len(found)


def _metric(card: MetricCard, of: Callable[[Any, Any], float]) -> OfEach:
    def one(sample: Sample) -> Measure:
        try:
            ours = _pixels(picture_of(sample), "answer")
            references = [_pixels(each, "reference") for each in sample.expected]
        except _NoImage as error:
            return Measure(error=str(error))
        for theirs in references:
            if ours.shape != theirs.shape:
                sizes = " and ".join(f"{each.shape[1]}x{each.shape[0]}" for each in (ours, theirs))
                return Measure(error=f"The two images are of different sizes: {sizes}.")
        if min(ours.shape[:2]) < 11:
            return Measure(error="The image is smaller than 11 by 11.")
        return Measure(value=max(of(ours, theirs) for theirs in references))

    return OfEach(card, one, lacking="" if find_spec("PIL") else _LACKING)


def picture_of(sample: Sample) -> str:
    """The answer's picture: that which came beside its text, else the text itself."""
    return sample.media[0] if sample.media else sample.output


def _pixels(text: str, what: str) -> Any:
    """Floats (height, width, 3), 0 to 255."""
    import numpy as np
    from PIL import Image

    head, comma, body = text.strip().partition(",")
    body = body if comma and head.startswith("data:") else text
    try:
        data = base64.b64decode("".join(body.split()), validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP", "GIF")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise _NoImage(f"The {what} has more than {MOST_PIXELS:,} pixels.")
            return np.asarray(image.convert("RGB"), dtype=np.float64)
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _NoImage(f"The {what} is no image: {str(error)[:120]}.") from None


MAKING: Final[Mapping[str, Making]] = {"psnr": _psnr, "ssim": _structural}
