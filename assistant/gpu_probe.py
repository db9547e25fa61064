"""Computes a little on the graphics card with torch and prints one line of JSON: `works`, or why not.

A process of its own, with a deadline: a driver may hang, or end the process, and torch takes seconds to load."""

from __future__ import annotations

import json

from assistant.errors import first_line

_SIDE = 256  # of the matrices


def compute() -> str:
    """Why torch cannot compute on the card, or ""."""
    try:
        import torch

        if not torch.cuda.is_available():
            return "torch finds no card that it can use"
        ones = torch.ones(_SIDE, _SIDE, device="cuda")
        total = float((ones @ ones).sum())
    except (RuntimeError, ImportError, OSError, AssertionError, AttributeError) as error:
        return first_line(error, 120)
    return "" if total == _SIDE**3 else f"it computed {total:g}, not {_SIDE**3}"


if __name__ == "__main__":
    reason = compute()
    print(json.dumps({"works": not reason, "reason": reason}))
