"""Result codes of core/video beside FFmpeg's AVERROR codes and those of core/container, which have
other numbers.
"""


cdef enum:
    # The backend failed; its method `failure` makes the exception.
    BACKEND_FAILED = -0x70000003
    # The first frame to convert does not have the size that its PictureSpec was made for.
    SIZE_CHANGED = -0x70000004
    # The packet of an anchor came, and decoding cannot begin at it.
    NO_ENTRY = -0x70000005
