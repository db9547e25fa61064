"""Encodes pictures with the vision tower, and keeps the results while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from typing import Any

import torch

from assistant.backends.qwen2_vl import vision_tower
from assistant.backends.qwen2_vl.prompt import SizedPicture

_MAX_CACHE_BYTES = 256 * 2**20  # of encoded pictures: some 80 of 1,024 tokens for the 2B model
Key = tuple[str, tuple[int, int, int]]


class VisionCache:
    """Encodes each picture once for each size. An encoding that was interrupted continues later where it stopped."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._tower = model.model.visual
        self._images, self._videos = processor.image_processor, processor.video_processor
        self._encoded: OrderedDict[Key, torch.Tensor] = OrderedDict()
        self._under_way: dict[Key, Generator[None, None, torch.Tensor]] = {}

    def is_encoding(self, sized: SizedPicture) -> bool:
        """Whether an encoding of this picture at this size has begun and is not finished."""
        return sized.cache_key in self._under_way

    def encode_picture(self, sized: SizedPicture) -> Generator[None, None, torch.Tensor]:
        """Returns the encoded picture (tokens, channels); yields between steps of the tower.

        Closing the iterator loses no finished step."""
        while sized.cache_key not in self._encoded:
            encoding = self._under_way.setdefault(sized.cache_key, self._start_encoding(sized))
            try:
                next(encoding)
            except StopIteration as end:
                del self._under_way[sized.cache_key]
                self._store_encoded(sized.cache_key, end.value)
                return end.value
            except BaseException:
                self._under_way.pop(sized.cache_key, None)
                raise
            yield
        self._encoded.move_to_end(sized.cache_key)
        return self._encoded[sized.cache_key]

    def forget_picture(self, digest: str) -> None:
        """Drops a picture at all its sizes."""
        for entries in (self._encoded, self._under_way):
            for key in [key for key in entries if key[0] == digest]:
                del entries[key]

    def forget_all(self) -> None:
        """Drops all pictures."""
        self._encoded.clear()
        self._under_way.clear()

    def _start_encoding(self, sized: SizedPicture) -> Generator[None, None, torch.Tensor]:
        yield
        rows, columns = (side * self._images.patch_size for side in sized.grid[1:])
        images = [image.resize((columns, rows)) for image in sized.picture.frame_images]
        if len(images) == 1:
            patches = self._images(images=images, do_resize=False, return_tensors="pt")["pixel_values"]
        else:
            processed = self._videos(videos=[images], do_resize=False, do_sample_frames=False, return_tensors="pt")
            patches = processed["pixel_values_videos"]
        return (yield from vision_tower.encode_stepwise(self._tower, patches, sized.grid))

    def _store_encoded(self, key: Key, encoded: torch.Tensor) -> None:
        self._encoded[key] = encoded
        while (
            sum(tokens.numel() * tokens.element_size() for tokens in self._encoded.values()) > _MAX_CACHE_BYTES
            and len(self._encoded) > 1
        ):
            self._encoded.popitem(last=False)
