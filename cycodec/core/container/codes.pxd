"""Result codes of readers beside FFmpeg's AVERROR codes. No other code has these numbers."""


cdef enum:
    # The packet that a seek went to did not come.
    LOST = -0x70000001
    # The decoder or a seek did not give what the index promises.
    CONTRADICTION = -0x70000002
