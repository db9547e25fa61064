"""Compares implementations of the product of a few rows and a large matrix.

Speeds are given for the bfloat16 weights that an implementation stands for: four-bit weights, which are read in a
quarter of the time, count fourfold. torchao and OpenVINO take part where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from assistant.backends.qwen2_vl import cpu_linear, processor
from assistant.bench.comparison import Measurement, measure_seconds

_OUT_FEATURES, _IN_FEATURES = 8960, 1536  # the 2B model's largest layers
_LAYERS = 16  # together far larger than any processor's cache
_ROW_COUNTS = (1, 4, 8, 16, 64)

Multiply = Callable[[torch.Tensor], object]


def measure_kernels() -> list[Measurement]:
    """One measurement for each implementation: GB/s, by the number of rows in its details."""
    linears = [torch.nn.Linear(_IN_FEATURES, _OUT_FEATURES, bias=False, dtype=torch.bfloat16) for _ in range(_LAYERS)]
    layer_makers: dict[str, Callable[[], list[Multiply]]] = {"torch Linear, bfloat16": lambda: list(linears)}
    if processor.supports_bfloat16():
        layer_makers["oneDNN, packed, bfloat16"] = lambda: [cpu_linear.PackedLinear(linear) for linear in linears]
    layer_makers["torch int8"] = lambda: [_make_int8(linear) for linear in linears]
    layer_makers["torch int4"] = lambda: [_make_int4(linear) for linear in linears]
    if find_spec("torchao"):
        layer_makers["torchao int8 with dynamic activations"] = lambda: [_make_torchao(linear) for linear in linears]
    if find_spec("openvino"):
        layer_makers["OpenVINO int4"] = lambda: [_make_openvino(linear) for linear in linears]
    with torch.inference_mode():
        return [_measure_row(name, make_layers()) for name, make_layers in layer_makers.items()]


def _measure_row(name: str, layers: list[Multiply]) -> Measurement:
    row = Measurement(f"kernel: {name}", "GB/s", 0.0)
    weight_gb = len(layers) * _OUT_FEATURES * _IN_FEATURES * 2 / 1e9
    for row_count in _ROW_COUNTS:
        rows = torch.randn(row_count, _IN_FEATURES, dtype=torch.bfloat16)
        durations = [measure_seconds(lambda rows=rows: [layer(rows) for layer in layers]) for _ in range(6)]  # type: ignore[misc]
        row.details[f"{row_count} rows"] = weight_gb / min(durations)
    row.judge(row.details["1 rows"])
    row.verdict = "reported"
    return row


def _make_int8(linear: torch.nn.Linear) -> Multiply:
    scale = linear.weight.float().abs().amax(dim=1) / 127
    whole = (linear.weight / scale[:, None]).round().to(torch.int8)
    bfloat16_scale = scale.to(torch.bfloat16)
    return lambda x: torch._weight_int8pack_mm(x, whole, bfloat16_scale)


def _make_int4(linear: torch.nn.Linear) -> Multiply:
    layer = cpu_linear.Int4Linear(linear)
    layer.max_int4_rows = max(_ROW_COUNTS)
    return layer


def _make_torchao(linear: torch.nn.Linear) -> Multiply:
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    copy = torch.nn.Sequential(torch.nn.Linear(_IN_FEATURES, _OUT_FEATURES, bias=False, dtype=torch.bfloat16))
    copy[0].weight = linear.weight
    quantize_(copy, Int8DynamicActivationInt8WeightConfig())
    return copy


def _make_openvino(linear: torch.nn.Linear) -> Multiply:
    import openvino as ov
    from openvino import opset13 as ops

    whole, scales = cpu_linear.quantize_weight(linear.weight.detach())
    groups = (_OUT_FEATURES, _IN_FEATURES // cpu_linear.GROUP_SIZE, cpu_linear.GROUP_SIZE)
    tensor = ov.Tensor(_pack_nibbles(whole.view(groups).numpy()), ov.Shape(groups), ov.Type.u4)
    centred = ops.convert(ops.constant(tensor), np.float16)
    scale = scales[..., 0].t().float().unsqueeze(2).numpy().astype(np.float16)
    grouped = ops.multiply(
        ops.subtract(centred, ops.constant(np.float16(8))), ops.constant(np.ascontiguousarray(scale), ov.Type.f16)
    )
    table = ops.convert(ops.reshape(grouped, np.array([_OUT_FEATURES, _IN_FEATURES]), special_zero=False), np.float32)
    parameter = ops.parameter([-1, _IN_FEATURES], np.float32)
    model = ov.Model([ops.matmul(parameter, table, False, True)], [parameter], "layer")
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16"}
    request: Any = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    return lambda x: request.infer([x.float().numpy()])


def _pack_nibbles(whole: Any) -> Any:
    flat = whole.astype(np.uint8).reshape(-1)
    return flat[0::2] | flat[1::2] << 4
