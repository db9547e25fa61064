"""Piper voices that load and then fail: their weights raise, never end, ask for all memory, or name another file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

_INPUTS = [
    helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
    helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
    helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
]


def endless(folder: Path) -> Path:
    """A voice that loops forever without holding Python's lock."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["sum", "one"], ["next"])],
        "body",
        [_scalar("at", TensorProto.INT64), _scalar("go", TensorProto.BOOL), _vector("sum", 3)],
        [_scalar("on", TensorProto.BOOL), _vector("next", 3)],
        [helper.make_tensor("one", TensorProto.FLOAT, [3], [1.0] * 3)],
    )
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    return _voice(folder, [helper.make_node("Loop", ["", "yes", "scales"], ["output"], body=body)], [yes])


def raising(folder: Path) -> Path:
    """A voice whose shapes do not match, which fails only at run time."""
    node = helper.make_node("MatMul", ["scales", "float"], ["output"])
    return _voice(folder, [helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT), node])


def huge(folder: Path) -> Path:
    """A voice that asks for a hundred terabytes of output."""
    size = helper.make_tensor("size", TensorProto.INT64, [2], [10**13, 3])
    return _voice(folder, [helper.make_node("Expand", ["scales", "size"], ["output"])], [size])


def outside(folder: Path, name: str) -> Path:
    """A voice whose weights refer to a file outside its folder."""
    weights = onnx.TensorProto(name="far", data_type=TensorProto.FLOAT, dims=[1000], data_location=TensorProto.EXTERNAL)
    weights.external_data.append(onnx.StringStringEntryProto(key="location", value=name))
    return _voice(folder, [helper.make_node("Identity", ["far"], ["output"])], [weights])


def _voice(folder: Path, nodes: list[Any], weights: list[Any] | None = None) -> Path:
    voice_folder = folder / "voice"
    voice_folder.mkdir()
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(nodes, "voice", _INPUTS, [output], weights or []),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    (voice_folder / "broken.onnx").write_bytes(model.SerializeToString())
    config = {
        "audio": {"sample_rate": 16000},
        "espeak": {"voice": "en-us"},
        "phoneme_id_map": {letter: [at] for at, letter in enumerate("_^$ helo")},
        "num_speakers": 1,
    }
    (voice_folder / "broken.onnx.json").write_text(json.dumps(config))
    return voice_folder


def _scalar(name: str, kind: int) -> Any:
    return helper.make_tensor_value_info(name, kind, [])


def _vector(name: str, length: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [length])
