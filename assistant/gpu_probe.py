"""Computes a little on the graphics card with torch and prints one line of JSON: `works`, or why not.

A process of its own, with a deadline: a driver may hang, or end the process, and torch takes seconds to load."""

from __future__ import annotations

import json

from assistant.errors import first_line

_MATRIX_SIDE = 256  # of the matrices


def compute_on_gpu() -> str:
    """Why torch cannot compute on the card, or ""."""
    try:
        import torch

        if not torch.cuda.is_available():
            return "torch finds no card that it can use"
        matrix = torch.ones(_MATRIX_SIDE, _MATRIX_SIDE, device="cuda")
        total = float((matrix @ matrix).sum())
    except (RuntimeError, ImportError, OSError, AssertionError, AttributeError) as error:
        return first_line(error, 120)
    return "" if total == _MATRIX_SIDE**3 else f"it computed {total:g}, not {_MATRIX_SIDE**3}"


if __name__ == "__main__":
    reason = compute_on_gpu()
    print(json.dumps({"works": not reason, "reason": reason}))
