"""Multiplies two matrices on the graphics card with torch and prints a line of JSON: `works` and the `reason`.

`gpu.probe_gpu` runs it as a child process: a driver may hang or end the process, and torch takes seconds to load."""

from __future__ import annotations

import json

from assistant.errors import first_line

_MATRIX_SIDE = 256


def find_gpu_fault() -> str | None:
    """The reason why torch cannot compute on the card; None when it can."""
    try:
        import torch

        if not torch.cuda.is_available():
            return "torch finds no card that it can use"
        matrix = torch.ones(_MATRIX_SIDE, _MATRIX_SIDE, device="cuda")
        total = float((matrix @ matrix).sum())
    except (RuntimeError, ImportError, OSError, AssertionError, AttributeError) as error:
        return first_line(error, 120)
    return None if total == _MATRIX_SIDE**3 else f"it computed {total:g}, not {_MATRIX_SIDE**3}"


if __name__ == "__main__":
    fault = find_gpu_fault()
    print(json.dumps({"works": fault is None, "reason": fault or ""}))
