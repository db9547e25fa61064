"""Pictures and videos as pixels; files are decoded in a child process with limited memory and time."""

from assistant.pictures.decoder import open_encoded, open_picture
from assistant.pictures.formats import FrameSampling
from assistant.pictures.picture import Picture

__all__ = ["FrameSampling", "Picture", "open_encoded", "open_picture"]
