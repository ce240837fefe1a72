"""Result codes of core/video beside FFmpeg's AVERROR codes, which have none of these numbers."""


cdef enum:
    # The packet of an anchor did not come after a seek.
    LOST = -0x70000001
    # The decoder did not give a frame that the index promises.
    CONTRADICTION = -0x70000002
    # The backend failed; its method `failure` makes the exception.
    BACKEND_FAILED = -0x70000003
    # The first frame to convert does not have the size that its PictureSpec was made for.
    SIZE_CHANGED = -0x70000004
    # The packet of an anchor came, and decoding cannot begin at it.
    NO_ENTRY = -0x70000005
