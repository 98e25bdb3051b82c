"""The recipe of the two versions of MiniLM: `python -m genaiops.engines.minilm.build (fp32|int8) SOURCE TARGET`.

fp32: SOURCE holds model.safetensors, tokenizer.json and the model card, TARGET gets model.onnx and the rest.
int8: SOURCE is an installed fp32 version; TARGET gets a copy with 8-bit weights, and how far it differs is measured and
written on its card. What it was made with and what was measured is printed as one JSON object.
"""

import logging
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, cast

import msgspec
from onnx import TensorProto
from onnxruntime import quantization

from genaiops.engines.minilm import _graph, _safetensors
from genaiops.engines.minilm._difference import measure
from genaiops.engines.minilm._encoder import MODEL_FILE, TOKENIZER_FILE

CARD_FILE = "MODEL-CARD.md"
_LICENCE_FILE = "PACKAGE-LICENSE"


def build_fp32(source: Path, target: Path) -> dict[str, float]:
    graph = _graph.build(_safetensors.load(source / "model.safetensors"))
    (target / MODEL_FILE).write_bytes(graph.SerializeToString(deterministic=True))
    for name in (TOKENIZER_FILE, CARD_FILE, _LICENCE_FILE):
        shutil.copyfile(source / name, target / name)
    return {}


def build_int8(source: Path, target: Path) -> dict[str, float]:
    """8-bit weights with a scale for each channel; activations are quantised as they come."""
    untyped: Any = cast(Any, quantization)
    untyped.quantize_dynamic(
        source / MODEL_FILE,
        target / MODEL_FILE,
        per_channel=True,
        weight_type=quantization.QuantType.QInt8,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},  # the fused operators have no shape inference
    )
    for name in (TOKENIZER_FILE, _LICENCE_FILE):
        shutil.copyfile(source / name, target / name)
    measured = measure(target, source)
    (target / CARD_FILE).write_text(_card(measured) + (source / CARD_FILE).read_text("utf-8"), "utf-8")
    return measured


def _card(measured: dict[str, float]) -> str:
    mean, most = measured["cosine_difference_mean"], measured["cosine_difference_max"]
    probes, same = measured["probes"], measured["same_text_cosine_min"]
    text = f"""\
        **This is the int8 version** (dynamic quantisation, a scale a channel), made here from the fp32 version.
        Measured against it on {probes:.0f} texts: the cosine of two texts differs by {mean:.4f} in the mean and
        {most:.4f} at most; the vectors of one text have a cosine of at least {same:.4f}. Vectors of the two versions
        do not belong in one index. The card of the original model follows."""
    return indent(dedent(text), "> ") + "\n\n"


def main(arguments: list[str]) -> int:
    recipes = {"fp32": build_fp32, "int8": build_int8}
    if len(arguments) != 3 or arguments[0] not in recipes:
        sys.stderr.write(f"usage: python -m {__spec__.name} (fp32|int8) SOURCE TARGET\n")
        return 2
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser recommends a preprocessing that our graph does not need
    variant, source, target = arguments[0], Path(arguments[1]), Path(arguments[2])
    measured = recipes[variant](source, target)
    made_with = {name: version(name) for name in ("onnx", "onnxruntime", "numpy")}
    sys.stdout.buffer.write(msgspec.json.encode({"made_with": made_with, "measured": measured}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
