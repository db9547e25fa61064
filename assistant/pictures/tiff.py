"""Lists the pages of a TIFF (6.0 and BigTIFF), and extracts one with only the tags that its pixels need.

Pillow would read all tags, follow a chain of directories without limit, and take thumbnails and masks for pages."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

MAX_PAGES = 10_000  # a longer chain of directories is no real document

_SUBFILE_TAG, _OLD_SUBFILE_TAG, _ORIENTATION_TAG = 254, 255, 274
_REDUCED_BIT, _MASK_BIT = 1, 4  # in the NewSubfileType tag
# Sizes, compression, strips, tiles, colours and palettes; no text, resolution, profile or private tags.
_PIXEL_TAGS = frozenset(
    (256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 334, 338, 339,
     347, *range(512, 522), 529, 530, 531, 532)
)  # fmt: skip


@dataclass
class TiffPage:
    """A directory of a TIFF."""

    directory_offset: int  # bytes from the start of the file
    entries: list[bytes] = field(default_factory=list)  # as they are in the file
    orientation: int = 1  # EXIF's, 1 to 8
    is_page: bool = True  # no thumbnail or mask


class TiffFile:
    """A TIFF in memory. `pages`: without thumbnails and masks; empty if no directory can be read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._byte_order = "<" if data[:2] == b"II" else ">"
        self._is_big = data[2:4] in (b"+\0", b"\0+")
        self._offset_format, self._count_format, self._entry_bytes = ("Q", "Q", 20) if self._is_big else ("I", "H", 12)
        directories = self._read_directories()
        self.pages = [page for page in directories if page.is_page] or directories

    def extract_page(self, page: TiffPage) -> io.BytesIO:
        """The file with this page only, and only with the tags in `_PIXEL_TAGS`."""
        file = io.BytesIO(self._data)
        entries = [entry for entry in page.entries if self._unpack_number("H", entry, 0) in _PIXEL_TAGS]
        file.seek(8 if self._is_big else 4)
        file.write(struct.pack(self._byte_order + self._offset_format, page.directory_offset))
        file.seek(page.directory_offset)  # overwritten in place: there are no more entries than before
        count = struct.pack(self._byte_order + self._count_format, len(entries))
        file.write(count + b"".join(entries) + bytes(struct.calcsize(f"={self._offset_format}")))
        file.seek(0)
        return file

    def _read_directories(self) -> list[TiffPage]:
        pages: list[TiffPage] = []
        seen: set[int] = set()
        try:
            offset = self._unpack_number(self._offset_format, self._data, 8 if self._is_big else 4)
            while offset and offset not in seen and len(pages) < MAX_PAGES:
                seen.add(offset)
                page, offset = self._read_directory(offset)
                pages.append(page)
        except struct.error:
            pass  # the chain leaves the file: keep the directories before
        return pages

    def _read_directory(self, start: int) -> tuple[TiffPage, int]:
        """Reads a directory; returns it and the offset of the next one, 0 if none. Raises `struct.error`."""
        page = TiffPage(start)
        count = self._unpack_number(self._count_format, self._data, start)
        first = start + struct.calcsize(f"={self._count_format}")
        end = first + count * self._entry_bytes
        for offset in range(first, min(end, len(self._data) - self._entry_bytes + 1), self._entry_bytes):
            entry = self._data[offset : offset + self._entry_bytes]
            tag, kind = self._unpack_number("H", entry, 0), self._unpack_number("H", entry, 2)
            value = self._unpack_number("H" if kind == 3 else "I", entry, 12 if self._is_big else 8)
            if (tag == _SUBFILE_TAG and value & (_REDUCED_BIT | _MASK_BIT)) or (tag == _OLD_SUBFILE_TAG and value == 2):
                page.is_page = False
            elif tag == _ORIENTATION_TAG:
                page.orientation = value if 1 <= value <= 8 else 1
            page.entries.append(entry)
        is_cut = end + struct.calcsize(f"={self._offset_format}") > len(self._data)
        return page, 0 if is_cut else self._unpack_number(self._offset_format, self._data, end)

    def _unpack_number(self, format_letter: str, data: bytes, offset: int) -> int:
        """Unpacks one number. Raises `struct.error` outside the data."""
        if offset > len(data):
            raise struct.error("outside the file")
        (value,) = struct.unpack_from(self._byte_order + format_letter, data, offset)
        return int(value)
