"""What a file is that FFmpeg does not read, by its first bytes: for the words of errors."""

import re

# How many of the first bytes are looked at. A tar archive has its mark at 257.
HEAD_BYTES = 4096

# The first bytes of files that hold no video or audio, and what to say of them.
FOREIGN = [
    (b"%PDF-", "a PDF document (check the path)"),
    (b"PK\x03\x04", "a ZIP archive (extract it)"),
    (b"\x1f\x8b", "a gzip archive (extract it)"),
    (b"BZh", "a bzip2 archive (extract it)"),
    (b"\xfd7zXZ\x00", "an xz archive (extract it)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive (extract it)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive (extract it)"),
    (b"Rar!", "a RAR archive (extract it)"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (pass the bytes of a video that it holds)"),
    (b"\x93NUMPY", "an array of NumPy (it holds no encoded video)"),
    (b"PAR1", "a Parquet file (pass the bytes of a video that it holds)"),
    (b"ARROW1", "an Arrow file (pass the bytes of a video that it holds)"),
    (b"SQLite format 3\x00", "an SQLite database (pass the bytes of a video that it holds)"),
    (b"\x7fELF", "a program (check the path)"),
    (b"CYCIDX", "a frame index that cycodec has saved (pass the video as source, and this as index=)"),
    (b"version https://git-lfs", "a Git LFS pointer in place of a file (`git lfs pull` downloads the file)"),
]

# Brands of ISO files with images of HEVC.
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def foreign_file(bytes head not None):
    """Return in words what a file is that is not a media file; None if that is not known.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` of the file.
    """
    for begin, words in FOREIGN:
        if head.startswith(begin):
            return words
    if head[257:262] == b"ustar":
        return "a tar archive (extract it, or pass a member of it as a file-like object)"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page (a download may have returned an error page or a login page)"
    if is_text(head):
        return "a text file (check the path)"
    return None


def unsupported_file(bytes head not None):
    """Return in words which media file this is that FFmpeg knows but does not decode; None if it is
    not one.
    """
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return "a HEIC image (FFmpeg 7.1 reads some of them; pillow-heif reads all)"
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and head[20] & 2:
        return "an animated WebP image (Pillow reads it)"
    if head[:4] == b"MThd":
        return "a MIDI file, which holds notes and no samples (a synthesizer makes samples of it)"
    if head[:2] == b"\xff\x0a" or head[4:12] == b"JXL \r\n\x87\n":
        return "a JPEG XL image (pillow-jxl reads it)"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "an SVG drawing (cairosvg draws it)"
    return None


cdef bint is_text(bytes head) except -1:
    """Return True if the bytes are the beginning of a text in UTF-8 that people can read."""
    try:
        # the last character may be cut off
        text = head[:HEAD_BYTES].decode("utf-8", "ignore" if len(head) >= HEAD_BYTES else "strict")
    except UnicodeDecodeError:
        return False
    if len(head) >= HEAD_BYTES and len(text.encode()) < len(head) - 3:
        return False
    return len(text) > 8 and re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", text) is None
