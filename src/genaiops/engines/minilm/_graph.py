"""The graph of all-MiniLM-L6-v2 as ONNX, made from its safetensors without torch.

Six BERT layers of 384 units in twelve heads, the mean over the tokens that are no padding, and unit length. The fused
operators of onnxruntime (`com.microsoft`) are used directly, so that no graph optimiser has to find them again.

Inputs `input_ids`, `attention_mask`, `token_type_ids`: int64 (batch, tokens).
Output `embedding`: float32 (batch, 384), unit length.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HIDDEN = 384
HEADS = 12
LAYERS = 6
EPSILON = 1e-12  # layer_norm_eps of the model's config.json
FUSED = "com.microsoft"

Tensor = NDArray[np.float32]
Weights = Mapping[str, Tensor]


class _Graph:
    """Collects nodes and constants; every method answers the name of the value it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output


def build(weights: Weights) -> onnx.ModelProto:
    """The fp32 model. `weights`: the tensors of model.safetensors by name, with or without the prefix `bert.`."""
    prefix = "" if "embeddings.word_embeddings.weight" in weights else "bert."
    named = {name.removeprefix(prefix): tensor for name, tensor in weights.items()}
    graph = _Graph()
    mask = graph.node("Cast", ["attention_mask"], "mask_i32", to=TensorProto.INT32)
    hidden = _embeddings(graph, named, mask)
    for layer in range(LAYERS):
        hidden = _layer(graph, named, layer, hidden)
    _pool(graph, hidden)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, graph.constants), opset_imports=opsets
    )
    model.ir_version = 9
    return model


def _embeddings(graph: _Graph, weights: Weights, mask: str) -> str:
    tables = [
        graph.constant(name, weights[f"embeddings.{name}.weight"])
        for name in ("word_embeddings", "position_embeddings", "token_type_embeddings")
    ]
    gain = graph.constant("embed_norm_gain", weights["embeddings.LayerNorm.weight"])
    shift = graph.constant("embed_norm_shift", weights["embeddings.LayerNorm.bias"])
    ids = graph.node("Cast", ["input_ids"], "ids_i32", to=TensorProto.INT32)
    kinds = graph.node("Cast", ["token_type_ids"], "kinds_i32", to=TensorProto.INT32)
    graph.nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            [ids, kinds, *tables, gain, shift, mask],
            ["hidden_0", "mask_index"],
            domain=FUSED,
            epsilon=EPSILON,
        )
    )
    return "hidden_0"


def _layer(graph: _Graph, weights: Weights, layer: int, hidden: str) -> str:
    """One encoder layer: self-attention, then the feed-forward pair, each with its residual and norm."""

    def tensor(name: str) -> Tensor:
        return weights[f"encoder.layer.{layer}.{name}"]

    def constant(name: str, value: Tensor) -> str:
        return graph.constant(f"layer_{layer}_{name}", value)

    def dense(name: str, value: str, output: str) -> str:
        kernel = constant(f"{output}_kernel", tensor(f"{name}.weight").T)
        return graph.node("MatMul", [value, kernel], f"layer_{layer}_{output}")

    def residual_norm(name: str, value: str, residual: str, output: str) -> str:
        inputs = [
            value,
            residual,
            constant(f"{output}_norm_gain", tensor(f"{name}.LayerNorm.weight")),
            constant(f"{output}_norm_shift", tensor(f"{name}.LayerNorm.bias")),
            constant(f"{output}_bias", tensor(f"{name}.dense.bias")),
        ]
        return graph.node("SkipLayerNormalization", inputs, f"layer_{layer}_{output}", FUSED, epsilon=EPSILON)

    parts = ("query", "key", "value")
    kernel = np.concatenate([tensor(f"attention.self.{part}.weight").T for part in parts], axis=1)
    bias = np.concatenate([tensor(f"attention.self.{part}.bias") for part in parts])
    attended = graph.node(
        "Attention",
        [hidden, constant("qkv_kernel", kernel), constant("qkv_bias", bias), "mask_index"],
        f"layer_{layer}_attended",
        FUSED,
        num_heads=HEADS,
    )
    projected = dense("attention.output.dense", attended, "projected")
    middle = residual_norm("attention.output", projected, hidden, "middle")
    wide = dense("intermediate.dense", middle, "wide")
    wide_bias = constant("wide_bias", tensor("intermediate.dense.bias"))
    active = graph.node("BiasGelu", [wide, wide_bias], f"layer_{layer}_active", FUSED)
    narrow = dense("output.dense", active, "narrow")
    return residual_norm("output", narrow, middle, "output")


def _pool(graph: _Graph, hidden: str) -> None:
    """The mean over the tokens under the mask, then unit length."""
    axis_units = graph.constant("axis_units", np.array([2], dtype=np.int64))
    axis_tokens = graph.constant("axis_tokens", np.array([1], dtype=np.int64))
    mask = graph.node("Cast", ["attention_mask"], "mask_f32", to=TensorProto.FLOAT)
    weight = graph.node("Unsqueeze", [mask, axis_units], "mask_3d")
    kept = graph.node("Mul", [hidden, weight], "kept")
    total = graph.node("ReduceSum", [kept, axis_tokens], "total", keepdims=0)
    count = graph.node("ReduceSum", [weight, axis_tokens], "count", keepdims=0)
    mean = graph.node("Div", [total, count], "mean")
    graph.node("LpNormalization", [mean], "embedding", axis=1, p=2)
