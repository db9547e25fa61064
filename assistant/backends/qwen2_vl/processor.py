"""Which number formats this processor multiplies fast in this process.

`ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2` limit a process to AVX2 on a processor with AVX-512. torch's own
queries look only at the processor; these functions take the limit into account."""

from __future__ import annotations

import os

import torch

_NARROW_ISAS = ("SSE41", "AVX", "AVX2", "AVX2_VNNI")  # oneDNN's names of instruction sets without bfloat16 products


def supports_bfloat16() -> bool:
    """Whether oneDNN has kernels for bfloat16 here: AVX-512, or AVX2 with its conversions (AVX-NE-CONVERT)."""
    if not torch.backends.mkldnn.is_available() or is_held_to_avx2():
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def has_amx() -> bool:
    """Whether the processor has AMX (matrix tiles) and this process may use it."""
    return bool(torch.cpu._is_amx_tile_supported()) and not is_held_to_avx2()


def is_held_to_avx2() -> bool:
    """Whether the environment keeps torch or oneDNN from using the processor's AVX-512."""
    isa_limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    is_limited = isa_limit in _NARROW_ISAS or torch.backends.cpu.get_cpu_capability() != "AVX512"
    return is_limited and bool(torch.cpu._is_avx512_supported())
