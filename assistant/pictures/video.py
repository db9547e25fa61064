"""Samples frames of a video, spread evenly over its length; runs in the decoding process.

An hour costs little more than a minute: between distant moments it seeks to the preceding key frame. (qwen-vl-utils
would open the file by its name, in the engine's own process.)"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
from PIL import Image

from assistant.pictures.formats import FrameSampling

MIN_FRAMES, MAX_FRAMES = 4, 64
MAX_FRAME_SIDE_PX = 1024  # longer side
_SEEK_DISTANCE_S = 4.0  # to a moment further away, seeking is cheaper than decoding
_MAX_DECODING_S = 8.0  # processor time, after which the frames found so far are used
_DEMUXERS = {
    b"ftyp": "mov", b"moov": "mov", b"\x1aE\xdf\xa3": "matroska", b"OggS": "ogg", b"RIFF": "avi",
    b"\0\0\x01\xba": "mpeg", b"\0\0\x01\xb3": "mpegvideo",
}  # fmt: skip


class NoFramesError(Exception):
    """The video has no frame that can be decoded."""


def sample_frames(file: BinaryIO, sampling: FrameSampling) -> tuple[list[Image.Image], float]:
    """Returns an even number of RGB frames of one size, and the video's length in seconds. Raises `NoFramesError`."""
    head = file.read(8)
    file.seek(0)
    # The format comes from the first bytes: FFmpeg's own probing may pick formats that open files and sockets.
    demuxer = _DEMUXERS.get(head[:4]) or _DEMUXERS.get(head[4:8])
    try:
        with av.open(file, "r", format=demuxer) as container:
            if not container.streams.video:
                raise NoFramesError
            start, length = _find_time_span(container)
            count = max(MIN_FRAMES, min(sampling.max_frames, MAX_FRAMES, int(length * sampling.frames_per_second)))
            count += count % 2
            frames = list(_frames_at(container, [start + length * (number + 0.5) / count for number in range(count)]))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise NoFramesError from error
    if not frames:
        raise NoFramesError
    size = frames[0].size
    frames = [frame if frame.size == size else frame.resize(size) for frame in frames]
    return frames + frames[-1:] * (len(frames) % 2), length


def _find_time_span(container: Any) -> tuple[float, float]:
    """Start and length in seconds; from the packets if the header lacks them, as in a browser's recording."""
    start = float(container.start_time or 0) / av.time_base
    if container.duration:
        return start, float(container.duration) / av.time_base
    stream = container.streams.video[0]
    last_time, deadline = 0.0, time.process_time() + _MAX_DECODING_S / 2
    for packet in container.demux(stream):
        if packet.pts is not None:
            last_time = max(last_time, float(packet.pts * packet.time_base))
        if time.process_time() > deadline:
            break
    container.seek(0)
    return start, max(0.0, last_time - start)


def _frames_at(container: Any, moments: list[float]) -> Iterator[Image.Image]:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    frames = iter(container.decode(stream))
    position, deadline = moments[0] - 2 * _SEEK_DISTANCE_S, time.process_time() + _MAX_DECODING_S
    for moment in moments:
        if moment - position > _SEEK_DISTANCE_S:
            container.seek(int(moment * av.time_base))
            frames = iter(container.decode(stream))
        frame = None
        for candidate in frames:
            frame = candidate if candidate.time is None or candidate.time > position else frame
            if candidate.time is None or candidate.time >= moment or time.process_time() > deadline:
                break
        if frame is None:
            return  # the video is shorter than its header says
        position = moment if frame.time is None else max(position, float(frame.time))
        image = frame.to_image()
        if frame.rotation:
            image = image.rotate(frame.rotation, expand=True)
        image.thumbnail((MAX_FRAME_SIDE_PX, MAX_FRAME_SIDE_PX))
        yield image
        if time.process_time() > deadline:
            return
