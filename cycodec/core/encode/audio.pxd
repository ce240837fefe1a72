"""AudioStreamEncoder: an audio stream of a muxer."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.encode.stream_encoder cimport StreamEncoder
from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.swresample cimport SwrContext


cdef class AudioStreamEncoder(StreamEncoder):
    cdef SwrContext *swr
    cdef readonly int in_rate       # sample rate of the input of `add`
    cdef readonly int in_channels   # channels of the input of `add`
    cdef readonly int out_rate      # sample rate of the stream
    cdef readonly int out_channels  # channels of the stream
    cdef int block                  # samples of a frame
    cdef int filled                 # samples that are in `frame`
    cdef uint8_t **planes           # where the converter writes in `frame`
    cdef uint8_t **rows             # where the converter reads

    cdef int check_choice(self) except -1
    cdef int set_up(self, AVCodecContext *context, int rate, int channels) except -1
    cdef bint opens_with(self, int rate, int channels) except -1
    cdef int open_converter(self) except -1
    cdef int new_frame(self) noexcept nogil
    cdef int send_frame(self) noexcept nogil
    cdef int pull(self, uint8_t **data, int count) noexcept nogil
    cdef int add_rows(self, const float *samples, int64_t stride, int64_t count) noexcept nogil
