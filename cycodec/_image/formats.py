"""Which format the bytes of an image have."""

from __future__ import annotations

from cycodec.core.error import InvalidDataError

__all__ = ["FORMATS", "format_of", "require_format"]

FORMATS = ("JPEG", "PNG", "WebP", "GIF", "AVIF", "HEIC")
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def format_of(head: bytes) -> str | None:
    """Return one of FORMATS for the first bytes of a file, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[4:8] == b"ftyp":
        return _format_of_brands(head)
    return None


def _format_of_brands(head: bytes) -> str | None:
    """Return the format of an ISO file: its major brand, else its compatible brands."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))]
    for brand in brands:
        if brand in AVIF_BRANDS:
            return "AVIF"
    return "HEIC" if any(brand in HEIC_BRANDS for brand in brands) else None


def require_format(head: bytes, name: str, wanted: str | None) -> str:
    """Return the format of the first bytes.

    Parameters
    ----------
    head : bytes
    name : str
        The name of the source in errors.
    wanted : str, optional
        The only format that is allowed.

    Raises
    ------
    InvalidDataError
        The bytes are no image, or one of another format.
    """
    found = format_of(head)
    if found is None or (wanted is not None and found != wanted):
        what = "Unsupported or unrecognized image format." if found is None else f"This is a {found} image."
        known = f"Supported formats are {', '.join(FORMATS[:-1])} and {FORMATS[-1]}."
        hint = (
            known if wanted is None else f"{wanted} is expected here; decode_image finds the format itself."
        )
        raise InvalidDataError(f"{name}: {what} {hint}", source=name, operation="decode image")
    return found
