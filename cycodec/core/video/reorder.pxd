"""How far frames may be stored from where they are shown."""

cdef enum:
    # H.264 and HEVC allow no larger delay, and libavcodec ends the process if it is told one.
    LARGEST_REORDER = 16
