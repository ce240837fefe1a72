"""See abi.pxd."""

from cycodec.libav cimport avcodec, avformat, avutil


cdef int cycodec_abi() noexcept nogil:
    """Return the version of the C API of this installation."""
    return CYCODEC_ABI


cdef int check_build(int abi, int avutil_major, int avcodec_major, int avformat_major) except -1:
    """Raise ImportError if an extension was built for a newer C API, or for another FFmpeg."""
    if abi > CYCODEC_ABI:
        raise ImportError(
            f"this extension was built for version {abi} of cycodec's C API, and the installed cycodec has version "
            f"{CYCODEC_ABI} (upgrade cycodec: pip install --upgrade cycodec)"
        )
    for name, built, running in (
        ("libavutil", avutil_major, avutil.avutil_version() >> 16),
        ("libavcodec", avcodec_major, avcodec.avcodec_version() >> 16),
        ("libavformat", avformat_major, avformat.avformat_version() >> 16),
    ):
        if built != running:
            raise ImportError(
                f"this extension was built with the headers of {name} {built}, and cycodec runs with {name} {running} "
                "(build the extension again with the headers of that FFmpeg)"
            )
    return 0
