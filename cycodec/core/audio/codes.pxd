"""The result code of core/audio beside FFmpeg's AVERROR codes and those of core/container."""


cdef enum:
    # Reading begins with the stream's first sample instead.
    FROM_THE_START = 1
