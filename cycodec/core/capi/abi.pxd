"""The version of the C API, and the check that an extension and this installation fit together.

Note [Version of the C API]

Functions are only ever added, and CYCODEC_ABI grows with each addition. An extension keeps the
number that it was built with, and `require_cycodec` refuses an installation with a smaller one. It
also refuses FFmpeg libraries of another major version than the headers that the extension was built
with, because structs such as AVFrame differ between them.
"""

cdef extern from "libavutil/version.h" nogil:
    int LIBAVUTIL_VERSION_MAJOR
cdef extern from "libavcodec/version.h" nogil:
    int LIBAVCODEC_VERSION_MAJOR
cdef extern from "libavformat/version.h" nogil:
    int LIBAVFORMAT_VERSION_MAJOR


cdef enum:
    CYCODEC_ABI = 1


cdef int cycodec_abi() noexcept nogil
cdef int check_build(int abi, int avutil_major, int avcodec_major, int avformat_major) except -1


cdef inline int require_cycodec() except -1:
    """Raise ImportError if the running cycodec or FFmpeg does not fit the headers of this build.

    Call it when the extension is imported.
    """
    return check_build(CYCODEC_ABI, LIBAVUTIL_VERSION_MAJOR, LIBAVCODEC_VERSION_MAJOR, LIBAVFORMAT_VERSION_MAJOR)
