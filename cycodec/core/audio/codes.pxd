"""Result codes of core/audio beside FFmpeg's AVERROR codes, which have none of these numbers."""


cdef enum:
    FROM_THE_START = 1              # reading begins with the stream's first sample instead
    LOST = -0x70000001              # the packet that was sought did not come
    CONTRADICTION = -0x70000002     # a position that was given is wrong: read again from the start
