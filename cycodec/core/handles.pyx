"""See handles.pxd."""


cdef int refuse_bare(object kind) except -1:
    """Raise TypeError: only the classes of ours have instances."""
    raise TypeError(f"{kind.__name__} has no instances of its own; the functions of the C API return its subclasses")


cdef class DemuxerHandle:
    def __cinit__(self):
        if type(self) is DemuxerHandle:
            refuse_bare(DemuxerHandle)


cdef class IndexHandle:
    def __cinit__(self):
        if type(self) is IndexHandle:
            refuse_bare(IndexHandle)


cdef class ReaderHandle:
    def __cinit__(self):
        if type(self) is ReaderHandle:
            refuse_bare(ReaderHandle)


cdef class SpecHandle:
    def __cinit__(self):
        if type(self) is SpecHandle:
            refuse_bare(SpecHandle)


cdef class SamplesHandle:
    def __cinit__(self):
        if type(self) is SamplesHandle:
            refuse_bare(SamplesHandle)


cdef class MuxerHandle:
    def __cinit__(self):
        if type(self) is MuxerHandle:
            refuse_bare(MuxerHandle)


cdef class EncoderHandle:
    def __cinit__(self):
        if type(self) is EncoderHandle:
            refuse_bare(EncoderHandle)
