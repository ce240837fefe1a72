"""VideoStreamEncoder: a video stream of a muxer."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.encode.stream_encoder cimport StreamEncoder
from cycodec.libav.avutil cimport AVFrame, AVPixelFormat, AVRational
from cycodec.libav.swscale cimport SwsContext


cdef extern from "encode/fill_frame.h" nogil:
    enum:
        INPUT_UINT8
        INPUT_UINT16
        INPUT_FLOAT
        FOUND_NAN
        FOUND_OUTSIDE
    ctypedef struct InputLayout:
        int width
        int height
        int channels
        int type
        int bits
        ptrdiff_t channel
        ptrdiff_t row
        ptrdiff_t column
    ctypedef struct FrameFiller:
        pass
    int fills_format(int format)
    FrameFiller *filler_new(const InputLayout *layout, int format, int space, int range)
    void filler_free(FrameFiller *filler)
    int fill_frame(FrameFiller *filler, const uint8_t *picture, AVFrame *frame)
    void filler_limit(int level)


cdef class VideoStreamEncoder(StreamEncoder):
    cdef readonly int width
    cdef readonly int height
    cdef AVRational rate            # nominal frame rate
    cdef readonly bint variable     # True if each frame brings its own time
    cdef str wanted_format          # the pixel format that the user named, or None
    cdef int threads                # threads of the encoder; 0 lets FFmpeg decide
    cdef InputLayout layout         # of the last pictures
    cdef FrameFiller *filler        # for pictures of that layout
    cdef SwsContext *sws            # to formats that the filler cannot write
    cdef AVFrame *staging           # an RGB picture for `sws`
    cdef readonly int64_t num_frames    # frames that the encoder has taken

    cdef int set_up(self, int channels, int depth, bint variable) except -1
    cdef AVPixelFormat choose_format(self, int channels, int depth) except *
    cdef int set_colours(self) except -1
    cdef int set_times(self, bint variable) except -1
    cdef int parts(self) noexcept
    cdef AVPixelFormat default_format(self, int channels, int depth) except *
    cdef int prepare(self, const InputLayout *layout) except -1
    cdef int open_scaler(self, const InputLayout *layout) except -1
    cdef int convert(self, const uint8_t *picture) noexcept nogil
    cdef int add_picture(self, const uint8_t *picture) noexcept nogil
