"""Writes a photograph from the computer's camera to standard output, as PNG; nothing where no camera answers.

A process of its own: OpenCV reads the camera (V4L2, Media Foundation, AVFoundation), and a driver may hang."""

from __future__ import annotations

import sys

_WARM_UP_FRAMES = 8  # frames that a camera needs to find its exposure


def main() -> None:
    """The argument is the camera's number."""
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
