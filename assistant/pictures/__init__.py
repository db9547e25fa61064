"""Pictures as pixels, opened where they can do no harm. Knows nothing of models."""

from assistant.pictures.decoder import open_encoded, open_picture
from assistant.pictures.formats import FrameSampling
from assistant.pictures.picture import Picture

__all__ = ["FrameSampling", "Picture", "open_encoded", "open_picture"]
