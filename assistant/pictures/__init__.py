"""Pictures as pixels, opened where they can do no harm. Knows nothing of models."""

from assistant.pictures.formats import FrameSampling
from assistant.pictures.picture import Picture, open_encoded, open_picture

__all__ = ["FrameSampling", "Picture", "open_encoded", "open_picture"]
