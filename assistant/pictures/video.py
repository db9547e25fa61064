"""A few frames of a video, spread over its length. Runs in the limited child; knows no file names.

An hour costs little more than a minute: between far moments the decoder jumps to the key frame before. (qwen-vl-utils
would open the file by its name, in the engine's own process.)"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
from PIL import Image

from assistant.pictures.formats import FrameSampling

MIN_FRAMES, MAX_FRAMES = 4, 64  # frames
MAX_FRAME_SIDE_PX = 1024  # pixels; the longer side of a frame that is kept
_FAR = 4.0  # seconds beyond which jumping is cheaper than decoding all that lies between
_ENOUGH = 8.0  # seconds of work, after which what was found will do
_DEMUXERS = {
    b"ftyp": "mov", b"moov": "mov", b"\x1aE\xdf\xa3": "matroska", b"OggS": "ogg", b"RIFF": "avi",
    b"\0\0\x01\xba": "mpeg", b"\0\0\x01\xb3": "mpegvideo",
}  # fmt: skip


class NoFramesError(Exception):
    """There is no picture in it that can be decoded."""


def sample_frames(file: BinaryIO, sampling: FrameSampling) -> tuple[list[Image.Image], float]:
    """Frames of one size, an even number of them, and the video's length in seconds. Raises `NoFrames`."""
    head = file.read(8)
    file.seek(0)
    # By its first bytes, never by guessing: some of the decoder's formats would open files and sockets.
    demuxer = _DEMUXERS.get(head[:4]) or _DEMUXERS.get(head[4:8])
    try:
        with av.open(file, "r", format=demuxer) as container:
            if not container.streams.video:
                raise NoFramesError
            start, length = _find_span(container)
            count = max(MIN_FRAMES, min(sampling.max_frames, MAX_FRAMES, int(length * sampling.frames_per_second)))
            count += count % 2
            found = list(_frames_at(container, [start + length * (number + 0.5) / count for number in range(count)]))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NoFramesError from error
    if not found:
        raise NoFramesError
    size = found[0].size
    found = [one if one.size == size else one.resize(size) for one in found]
    return found + found[-1:] * (len(found) % 2), length


def _find_span(container: Any) -> tuple[float, float]:
    """Where it begins and how long it lasts, in seconds. A browser's recording does not say: its packets do."""
    start = float(container.start_time or 0) / av.time_base
    if container.duration:
        return start, float(container.duration) / av.time_base
    stream = container.streams.video[0]
    last, end = 0.0, time.process_time() + _ENOUGH / 2
    for packet in container.demux(stream):
        if packet.pts is not None:
            last = max(last, float(packet.pts * packet.time_base))
        if time.process_time() > end:
            break
    container.seek(0)
    return start, max(0.0, last - start)


def _frames_at(container: Any, moments: list[float]) -> Iterator[Image.Image]:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    decoded, now, end = iter(container.decode(stream)), moments[0] - 2 * _FAR, time.process_time() + _ENOUGH
    for moment in moments:
        if moment - now > _FAR:
            container.seek(int(moment * av.time_base))
            decoded = iter(container.decode(stream))
        frame = None
        for one in decoded:
            frame = one if one.time is None or one.time > now else frame
            if one.time is None or one.time >= moment or time.process_time() > end:
                break
        if frame is None:
            return  # it ends before its header says
        now = moment if frame.time is None else max(now, float(frame.time))
        image = frame.to_image()
        if frame.rotation:
            image = image.rotate(frame.rotation, expand=True)
        image.thumbnail((MAX_FRAME_SIDE_PX, MAX_FRAME_SIDE_PX))
        yield image
        if time.process_time() > end:
            return
