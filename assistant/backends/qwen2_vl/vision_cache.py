"""Pictures as the language model sees them: encoded once, kept while there is room. Knows nothing of conversations."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from typing import Any

import torch

from assistant.backends.qwen2_vl import vision_tower
from assistant.backends.qwen2_vl.prompt import SizedPicture

_ROOM = 256 * 2**20  # bytes of encoded pictures: some 80 of 1,024 tokens at 2B's width
Key = tuple[str, tuple[int, int, int]]


class VisionCache:
    """The same picture at the same size is encoded once, whoever asks; an encoding that was left goes on later."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._tower = model.model.visual
        self._images, self._videos = processor.image_processor, processor.video_processor
        self._kept: OrderedDict[Key, torch.Tensor] = OrderedDict()
        self._under_way: dict[Key, Generator[None, None, torch.Tensor]] = {}

    def is_encoding(self, view: SizedPicture) -> bool:
        """Whether it is being encoded."""
        return view.cache_key in self._under_way

    def encode_picture(self, view: SizedPicture) -> Generator[None, None, torch.Tensor]:
        """Yields between steps of the tower; returns (tokens, channels). Closing it loses no finished step."""
        while view.cache_key not in self._kept:
            work = self._under_way.setdefault(view.cache_key, self._start_encoding(view))
            try:
                next(work)
            except StopIteration as done:
                del self._under_way[view.cache_key]
                self._keep_encoded(view.cache_key, done.value)
                return done.value
            except BaseException:
                self._under_way.pop(view.cache_key, None)
                raise
            yield
        self._kept.move_to_end(view.cache_key)
        return self._kept[view.cache_key]

    def forget_picture(self, digest: str) -> None:
        """Lets a picture go, at all its sizes."""
        for kept in (self._kept, self._under_way):
            for key in [key for key in kept if key[0] == digest]:
                del kept[key]

    def release_tower(self) -> None:
        """Lets all of them go."""
        self._kept.clear()
        self._under_way.clear()

    def _start_encoding(self, view: SizedPicture) -> Generator[None, None, torch.Tensor]:
        yield
        rows, columns = (side * self._images.patch_size for side in view.grid[1:])
        images = [image.resize((columns, rows)) for image in view.picture.frame_images]
        if len(images) == 1:
            patches = self._images(images=images, do_resize=False, return_tensors="pt")["pixel_values"]
        else:
            done = self._videos(videos=[images], do_resize=False, do_sample_frames=False, return_tensors="pt")
            patches = done["pixel_values_videos"]
        return (yield from vision_tower.encode_stepwise(self._tower, patches, view.grid))

    def _keep_encoded(self, key: Key, encoded: torch.Tensor) -> None:
        self._kept[key] = encoded
        while sum(one.numel() * one.element_size() for one in self._kept.values()) > _ROOM and len(self._kept) > 1:
            self._kept.popitem(last=False)
