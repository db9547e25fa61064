"""The responder that runs Qwen2-VL (Wang et al., 2024) through transformers. Start reading in `responder.py`."""

from assistant.backends.qwen2_vl.loader import load_responder
from assistant.backends.qwen2_vl.responder import GeneratedWord, Qwen2VLResponder

__all__ = ["GeneratedWord", "Qwen2VLResponder", "load_responder"]
