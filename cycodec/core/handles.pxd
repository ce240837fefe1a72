"""The classes that the functions of the C API take and return.

Note [Handles]

Each is the base of a class of ours, and has neither fields nor methods. Extensions of others know
only these, so that Cython compares nothing but their size, which is that of an empty object. The
classes of ours may change freely: an older binary goes on, without a warning.

The functions of core/capi cast a handle to its class without a check. That is safe because Python
code cannot make a bare handle.
"""


# An open container whose packets are read.
cdef class DemuxerHandle:
    pass


# The frame index of a video stream.
cdef class IndexHandle:
    pass


# The frames of a video stream.
cdef class ReaderHandle:
    pass


# How frames become pictures in the caller's memory.
cdef class SpecHandle:
    pass


# The samples of an audio stream.
cdef class SamplesHandle:
    pass


# A container that is written.
cdef class MuxerHandle:
    pass


# A stream of a container that is written.
cdef class EncoderHandle:
    pass
