"""Removes the metadata from a picture file before decoding, so that damaged metadata do not cost the picture.

Pillow refuses a whole PNG for a bad check sum in a comment, or a JPEG for a short APP segment. The parts that determine
the pixels are kept byte by byte; of the rest only the orientation is read, and the frame count that Hark wrote itself.
Layouts: PNG (W3C), JPEG (ITU T.81), EXIF 2.32, WebP (RFC 9649), HEIF (ISO 23008-12)."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from assistant.pictures.formats import FRAME_COUNT_KEY

MAX_TEXT_BYTES = 1 << 20  # of a decompressed text in a PNG; the orientation comes early in it

_PNG_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_CHUNK_NAME = re.compile(b"|".join(_PNG_PIXEL_CHUNKS))
# A thumbnail (to be skipped), or the first table or frame header of the picture itself.
_JPEG_PICTURE_START = re.compile(
    rb"\xff\xd8\xff.*?\xff\xd9|(\xff\xdb\x00[\x43\x84\xc5]|\xff[\xc0-\xc2]\x00[\x0b\x11]\x08)", re.DOTALL
)
_WEBP_PIXEL_CHUNKS = re.compile(b"VP8 |VP8L|VP8X|ALPH|ANIM|ANMF")
_WEBP_METADATA_FLAGS = 0x20 | 0x08 | 0x04  # colour profile, EXIF, XMP
_HEIF_EXIF = re.compile(rb"(infe.{8}(?:..)?)Exif", re.DOTALL)
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:\s*=\s*[\"']|>)\s*([1-8])")
_RAW_PROFILE_KEYS = (b"Raw profile type exif", b"Raw profile type APP1")  # how ImageMagick stores EXIF in a PNG


@dataclass
class StrippedPicture:
    """A picture file without its metadata."""

    data: bytes
    orientation: int = 1  # EXIF's, 1 to 8
    frame_count: int = 1  # frames stacked in a PNG of the history
    is_animated: bool = False


def strip_metadata(kind: str, data: bytes) -> StrippedPicture:
    """Removes the metadata of a file; `kind` is Pillow's name of the format. Unknown structures are left to the
    decoder."""
    if kind == "PNG":
        return _strip_png(data)
    if kind == "JPEG":
        return _strip_jpeg(data)
    if kind == "WEBP":
        return _strip_webp(data)
    if kind in ("AVIF", "HEIF"):  # their decoders apply the rotation boxes themselves
        return StrippedPicture(_HEIF_EXIF.sub(rb"\1free", data))
    return StrippedPicture(data)


def read_orientation(exif: bytes) -> int:
    """The Orientation tag, 1 to 8, of the first directory of EXIF data; 1 if there is none or the data are damaged."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]), "")
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4) if order else (len(tiff),)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
            if tag == 0x0112:
                letter = "I" if kind in (4, 9) else "B" if kind in (1, 6, 7) else "H"
                (value,) = struct.unpack_from(f"{order}{letter}", tiff, entry + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass  # cut off before the tag
    return 1


def _strip_png(data: bytes) -> StrippedPicture:
    stripped, parts, offset = StrippedPicture(data), [data[:8]], 8
    header = data[16:29]
    while offset + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, offset)
        end = offset + 12 + length
        body = data[offset + 8 : end - 4] if name not in (b"IDAT", b"IEND") else b""
        if name in _PNG_PIXEL_CHUNKS and name != b"tRNS":
            parts.append(data[offset:end])
        elif not name.isalpha() or (end != len(data) and not data[end + 4 : end + 8].isalpha()):
            end = _find_next_png_chunk(data, offset + 8)  # the length is wrong: look for the next chunk of the picture
        elif name == b"tRNS":
            transparency = _usable_transparency(header, body)
            if transparency:
                parts.append(_make_png_chunk(b"tRNS", transparency))
        else:
            _read_png_metadata(stripped, name, body)
        if name == b"IEND":
            break
        offset = end
    stripped.data = b"".join(parts)
    return stripped


def _find_next_png_chunk(data: bytes, start: int) -> int:
    """Offset of the next chunk with pixels, recognised by its name and check sum."""
    for match in _PNG_CHUNK_NAME.finditer(data, start + 4):
        offset = match.start()
        (length,) = struct.unpack_from(">I", data, offset - 4)
        if data[offset + 4 + length : offset + 8 + length] == struct.pack(
            ">I", zlib.crc32(data[offset : offset + 4 + length])
        ):
            return offset - 4
    return len(data)


def _make_png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _usable_transparency(header: bytes, body: bytes) -> bytes:
    """The body of a tRNS chunk for Pillow, with 16-bit colours as 8-bit ones; b"" if it does not fit the colour
    type."""
    depth, colours = header[8:10]
    length = {0: 2, 2: 6, 3: min(len(body), 256)}.get(colours, 0)
    body = body[:length]
    if len(body) < length or (colours == 0 and depth == 16):
        return b""
    if colours == 2 and depth == 16:
        return struct.pack(">3H", *(level >> 8 for level in struct.unpack(">3H", body)))
    return body


def _read_png_metadata(stripped: StrippedPicture, name: bytes, body: bytes) -> None:
    if name == b"acTL":
        stripped.is_animated = body[:4] > b"\0\0\0\1"
    elif name == b"eXIf":
        stripped.orientation = read_orientation(body)
    elif name in (b"tEXt", b"zTXt", b"iTXt"):
        key, _, text = body.partition(b"\0")
        if key == FRAME_COUNT_KEY.encode() and name == b"tEXt" and text.isdigit() and len(text) < 4:
            stripped.frame_count = max(1, int(text))
        elif stripped.orientation == 1 and key in (b"XML:com.adobe.xmp", *_RAW_PROFILE_KEYS):
            stripped.orientation = _orientation_in_text(name, key, text)


def _orientation_in_text(name: bytes, key: bytes, text: bytes) -> int:
    compressed = (
        text[1:] if name == b"zTXt" else text.split(b"\0", 3)[-1] if name == b"iTXt" and text[:1] == b"\1" else b""
    )
    try:
        text = zlib.decompressobj().decompress(compressed, MAX_TEXT_BYTES) if compressed else text[:MAX_TEXT_BYTES]
        if key in _RAW_PROFILE_KEYS:
            digits = b"".join(text.split()[2:])  # after the profile's name and its length
            return read_orientation(bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii")))
    except (zlib.error, ValueError):
        return 1
    return _xmp_orientation(text)


def _xmp_orientation(xmp: bytes) -> int:
    match = _XMP_ORIENTATION.search(xmp)
    return int(match[1]) if match else 1


def _strip_jpeg(data: bytes) -> StrippedPicture:
    stripped, parts, offset = StrippedPicture(data), [data[:2]], 2
    while (offset := data.find(b"\xff", offset)) >= 0 and offset + 4 <= len(data):
        marker = data[offset + 1]
        if marker == 0xDA:  # start of scan: the picture itself, to the end
            parts.append(data[offset:])
            break
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:  # markers without a body
            offset += 1
            continue
        (length,) = struct.unpack_from(">H", data, offset + 2)
        end = offset + 2 + length
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            is_complete = length >= 2 and data[end : end + 1] == b"\xff"
            end = end if is_complete else _find_jpeg_picture(data, offset + 2)
            body = data[offset + 4 : end]
            # JFIF and Adobe segments determine the colour space.
            if is_complete and ((marker == 0xE0 and length >= 16) or (marker == 0xEE and length >= 14)):
                parts.append(data[offset:end])
            if marker == 0xE1 and stripped.orientation == 1:
                is_exif = body.startswith(b"Exif\0\0")
                stripped.orientation = read_orientation(body) if is_exif else _xmp_orientation(body)
        else:
            parts.append(data[offset:end])
        offset = max(end, offset + 2)
    stripped.data = b"".join(parts)
    return stripped


def _find_jpeg_picture(data: bytes, start: int) -> int:
    """Offset of the picture's own segments behind one with a wrong length."""
    return next((match.start() for match in _JPEG_PICTURE_START.finditer(data, start) if match[1]), len(data))


def _strip_webp(data: bytes) -> StrippedPicture:
    stripped, parts, offset = StrippedPicture(data), [], 12
    while offset + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, offset)
        end = offset + 8 + length + length % 2
        if _WEBP_PIXEL_CHUNKS.fullmatch(name):
            chunk = data[offset:end]
            if name == b"VP8X" and length >= 10:
                chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_METADATA_FLAGS]) + chunk[9:]
            parts.append(chunk)
        elif end > len(data):
            match = _WEBP_PIXEL_CHUNKS.search(data, offset + 8)
            end = match.start() if match else end
        elif name == b"EXIF":
            stripped.orientation = read_orientation(data[offset + 8 : end])
        offset = end
    body = b"WEBP" + b"".join(parts)
    stripped.data = b"RIFF" + struct.pack("<I", len(body)) + body
    return stripped
