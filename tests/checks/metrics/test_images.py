"""PSNR and SSIM, to the digits of scikit-image on the same images."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from genaiops.checks.metrics import metric
from genaiops.domain import Measure, Sample


def drawn(noise: int = 0, *, width: int = 32, form: str = "PNG") -> str:
    """A gradient with a square, with so much noise of a fixed pattern."""
    rows, columns = np.mgrid[0:24, 0:width]
    pixels = np.stack([rows * 10, columns * 7, (rows + columns) * 4], axis=2).astype(np.int64)
    pixels[6:12, 6:12] = (250, 10, 120)
    pixels = pixels + noise * ((rows * 31 + columns * 17) % 11 - 5)[..., None]
    file = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(file, form)
    return base64.b64encode(file.getvalue()).decode()


def measured(name: str, output: str, *expected: str, **options: str) -> Measure:
    return metric(name, options).measure([Sample(output=output, expected=expected)])[0]


def test_figures_are_those_of_scikit_image() -> None:
    """0.26.0: peak_signal_noise_ratio, structural_similarity with Gaussian weights, and with its defaults."""
    ours, theirs = drawn(3), drawn()
    assert measured("psnr", ours, theirs).value == pytest.approx(28.707471395934743, abs=1e-9)
    assert measured("ssim", ours, theirs).value == pytest.approx(0.8135643231112301, abs=1e-9)
    assert measured("ssim", ours, theirs, window="uniform").value == pytest.approx(0.866586157141857, abs=1e-9)


def test_the_same_image_and_the_best_reference() -> None:
    url = f"data:image/png;base64,{drawn()}"
    assert measured("psnr", url, drawn(5), drawn()).value == 100.0
    assert measured("ssim", url, drawn(5), drawn()).value == pytest.approx(1.0)
    assert 20 < (measured("psnr", drawn(form="JPEG"), drawn()).value or 0) < 60


@pytest.mark.parametrize("output", ["", "hello", "data:image/png;base64,AAAA", base64.b64encode(b"no image").decode()])
def test_what_is_no_image_is_an_error(output: str) -> None:
    assert "no image" in measured("ssim", output, drawn()).error


def test_sizes_have_to_be_the_same() -> None:
    assert measured("psnr", drawn(width=30), drawn()).error == "The two images are of different sizes: 30x24 and 32x24."
    assert "smaller than 11" in measured("psnr", drawn(width=10), drawn(width=10)).error
