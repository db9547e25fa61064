"""Child process that takes a photograph with OpenCV and writes it to standard output as PNG; nothing without a camera.

It is a process of its own because a camera driver (V4L2, Media Foundation, AVFoundation) may hang."""

from __future__ import annotations

import sys

_WARM_UP_FRAMES = 8  # a camera needs a few frames to adjust its exposure


def main() -> None:
    """Takes the camera's number, or its path, from the command line."""
    import cv2

    device = sys.argv[1]
    camera = cv2.VideoCapture(int(device) if device.isdigit() else device)
    frame = None
    for _ in range(_WARM_UP_FRAMES):
        is_taken, newest_frame = camera.read()
        frame = newest_frame if is_taken else frame
    camera.release()
    if frame is not None:
        sys.stdout.buffer.write(cv2.imencode(".png", frame)[1].tobytes())


if __name__ == "__main__":
    main()
