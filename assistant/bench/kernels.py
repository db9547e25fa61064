"""How fast one large matrix is multiplied by a few rows, by every way at hand. Knows nothing of Qwen2-VL.

Speeds are of the bfloat16 weights that a way stands for: four bits, read in a quarter of the time, count fourfold.
torchao and OpenVINO take part where they are installed; Hark does not need them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from assistant.backends.qwen2_vl import cpu_linear, processor
from assistant.bench.comparison import Measurement, measure_seconds

_OUT, _IN = 8960, 1536  # the 2B model's largest layers
_LAYERS = 16  # together far larger than any cache
_ROWS = (1, 4, 8, 16, 64)

Multiply = Callable[[torch.Tensor], object]


def measure_kernels() -> list[Measurement]:
    """One for each way: GB/s by the number of rows."""
    linears = [torch.nn.Linear(_IN, _OUT, bias=False, dtype=torch.bfloat16) for _ in range(_LAYERS)]
    ways: dict[str, Callable[[], list[Multiply]]] = {"torch Linear, bfloat16": lambda: list(linears)}
    if processor.supports_bfloat16():
        ways["oneDNN, packed, bfloat16"] = lambda: [cpu_linear.PackedLinear(one) for one in linears]
    ways["torch int8"] = lambda: [_make_int8(one) for one in linears]
    ways["torch int4"] = lambda: [_make_int4(one) for one in linears]
    if find_spec("torchao"):
        ways["torchao int8 with dynamic activations"] = lambda: [_make_torchao(one) for one in linears]
    if find_spec("openvino"):
        ways["OpenVINO int4"] = lambda: [_make_openvino(one) for one in linears]
    with torch.inference_mode():
        return [_measure_row(name, make()) for name, make in ways.items()]


def _measure_row(name: str, layers: list[Multiply]) -> Measurement:
    row = Measurement(f"kernel: {name}", "GB/s", 0.0)
    size = len(layers) * _OUT * _IN * 2 / 1e9
    for count in _ROWS:
        x = torch.randn(count, _IN, dtype=torch.bfloat16)
        taken = [measure_seconds(lambda x=x: [layer(x) for layer in layers]) for _ in range(6)]  # type: ignore[misc]
        row.details[f"{count} rows"] = size / min(taken)
    row.judge(row.details["1 rows"])
    row.verdict = "reported"
    return row


def _make_int8(linear: torch.nn.Linear) -> Multiply:
    scale = linear.weight.float().abs().amax(dim=1) / 127
    whole = (linear.weight / scale[:, None]).round().to(torch.int8)
    half = scale.to(torch.bfloat16)
    return lambda x: torch._weight_int8pack_mm(x, whole, half)


def _make_int4(linear: torch.nn.Linear) -> Multiply:
    layer = cpu_linear.Int4Linear(linear)
    layer.max_int4_rows = max(_ROWS)
    return layer


def _make_torchao(linear: torch.nn.Linear) -> Multiply:
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    copy = torch.nn.Sequential(torch.nn.Linear(_IN, _OUT, bias=False, dtype=torch.bfloat16))
    copy[0].weight = linear.weight
    quantize_(copy, Int8DynamicActivationInt8WeightConfig())
    return copy


def _make_openvino(linear: torch.nn.Linear) -> Multiply:
    import openvino as ov
    from openvino import opset13 as ops

    whole, scales = cpu_linear.quantize_weight(linear.weight.detach())
    groups = (_OUT, _IN // cpu_linear.GROUP_SIZE, cpu_linear.GROUP_SIZE)
    tensor = ov.Tensor(_pack_nibbles(whole.view(groups).numpy()), ov.Shape(groups), ov.Type.u4)
    half = ops.convert(ops.constant(tensor), np.float16)
    scale = scales[..., 0].t().float().unsqueeze(2).numpy().astype(np.float16)
    grouped = ops.multiply(
        ops.subtract(half, ops.constant(np.float16(8))), ops.constant(np.ascontiguousarray(scale), ov.Type.f16)
    )
    table = ops.convert(ops.reshape(grouped, np.array([_OUT, _IN]), special_zero=False), np.float32)
    asked = ops.parameter([-1, _IN], np.float32)
    model = ov.Model([ops.matmul(asked, table, False, True)], [asked], "layer")
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16"}
    request: Any = ov.Core().compile_model(model, "CPU", options).create_infer_request()
    return lambda x: request.infer([x.float().numpy()])


def _pack_nibbles(whole: Any) -> Any:
    flat = whole.astype(np.uint8).reshape(-1)
    return flat[0::2] | flat[1::2] << 4
