"""CpuBackend: decoding and conversion on the CPU."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders
from cycodec.core.compat cimport CompatCrop
from cycodec.core.video.backend cimport VideoBackend

from cycodec.core.video.target cimport ConvertTarget
from cycodec.core.video.unwritten cimport Marks
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecID, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef extern from "picture/rect.h" nogil:
    ctypedef struct Rect:
        int x0, y0, x1, y1

cdef extern from "resample/picture.h" nogil:
    ctypedef struct PackedPicture:
        int width, height, channels, depth
        const uint8_t *data
        ptrdiff_t stride


cdef struct Colours:
    # An AVColorRange and an AVColorSpace; -1 if nobody has told them.
    int range
    int matrix


cdef class CpuBackend(VideoBackend):
    # The decoder; NULL before it is needed: Note [Decoders that are opened late].
    cdef AVCodecContext *context
    # The exception that opening the decoder late has raised.
    cdef object refusal
    # AVCodecParameters *, a copy of the demuxer's.
    cdef void *parameters
    # Converter * of csrc/convert/convert.h.
    cdef void *converter
    # What the container cuts off, and False if nothing.
    cdef CompatCrop crop
    cdef bint is_cropped
    cdef int num_threads
    cdef int min_reorder
    cdef bint strict
    # The marks of new buffers, where the decoder allows them; see unwritten.pyx.
    cdef Marks marks
    cdef object source
    # The largest number of pixels of a frame.
    cdef int64_t max_pixels
    # The user's options of the decoder.
    cdef dict options
    cdef int time_base_num
    cdef int time_base_den
    # The range and the matrix of a decoder that has seen nothing, and those that it begins with
    # next.
    cdef Colours opened
    cdef Colours expected
    # The other colours of a decoder that has seen nothing, and True if it knows its pixel format.
    cdef int opened_primaries
    cdef int opened_transfer
    cdef bint opened_format
    # True if the open decoder has received no packet, and the bytes of the last packet.
    cdef bint is_unused
    cdef int sent_size
    # How many pictures the open decoder has given, up to PADDING_PICTURES.
    cdef int pictures
    # MPEG-2 and MPEG-4 read the extradata with the first packet, which then overrules `expected`:
    # what it tells, True if no packet was sent yet, and True if it must be left out.
    cdef bint reads_extradata_late
    cdef SequenceHeaders extradata
    cdef bint awaits_extradata
    cdef bint ignores_extradata
    # With frame threads: what the last packet with parameter sets told, and True if it was not the
    # same for all of them.
    cdef NalFormat nal
    cdef SequenceHeaders sent
    cdef bint has_sent_sets
    cdef bint has_varied

    cdef const AVCodec *find_codec(self, AVCodecID codec_id) noexcept
    cdef int open_context(self) except -1
    cdef int prepare(self) except -1
    cdef bint may_open_late(self)
    cdef bint is_open(self) noexcept nogil
    cdef void learn_padding(self, const AVPacket *packet) noexcept nogil
    cdef void note_colours(self, const AVPacket *packet) noexcept nogil


# CpuFunctions * of csrc/kernels/cpu_functions.h.
cdef const void *cpu_functions() noexcept nogil


# For still images, which have no backend: Note [One copy in the process] in
# csrc/kernels/cpu_functions.h.
cdef int convert_once(const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
                      ptrdiff_t row_stride) noexcept nogil
cdef int resample_once(const PackedPicture *picture, int width, int height, Rect region, uint8_t *out,
                       ptrdiff_t stride) noexcept nogil
