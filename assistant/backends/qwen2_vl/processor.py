"""What this processor multiplies fast, as torch and oneDNN use it in this process.

`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2` hold a process with AVX-512 to AVX2. torch's own questions ask the
processor and do not know of it; these do."""

from __future__ import annotations

import os

import torch

_NARROW_ISAS = ("SSE41", "AVX", "AVX2", "AVX2_VNNI")  # oneDNN's names of those without a product of bfloat16


def supports_bfloat16() -> bool:
    """Whether oneDNN has kernels for bfloat16 here: AVX-512, or AVX2 with its conversions (AVX-NE-CONVERT)."""
    if not torch.backends.mkldnn.is_available() or is_held_to_avx2():
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def has_amx() -> bool:
    """Whether matrix tiles are there and may be used."""
    return bool(torch.cpu._is_amx_tile_supported()) and not is_held_to_avx2()


def is_held_to_avx2() -> bool:
    """Whether the environment keeps torch or oneDNN from the AVX-512 that the processor has."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    narrow = limit in _NARROW_ISAS or torch.backends.cpu.get_cpu_capability() != "AVX512"
    return narrow and bool(torch.cpu._is_avx512_supported())
