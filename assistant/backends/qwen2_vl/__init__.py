"""Answers with Qwen2-VL (Wang et al., 2024) through transformers. Read `responder.py` first."""

from assistant.backends.qwen2_vl.loading import load
from assistant.backends.qwen2_vl.responder import Qwen2VL, Word

__all__ = ["Qwen2VL", "Word", "load"]
