"""Raw pictures of few bits per pixel whose packet does not hold all rows.

Note [Missing rows]

libavcodec unpacks raw video of 1, 2, 4 or 8 bits per pixel, palettes and monochrome pictures, into
memory that it allocates for each picture and does not clear. It divides the packet evenly among the
rows, and takes a packet of any size. Where a row's share is less than a row, each row takes two
shares or more, and the last rows keep what the memory held: other data of this process, different
at each read. Those pixels are set to the first colour here, and the picture counts as damaged.
"""

from libc.string cimport memset

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    RAW_TAG = 0x20776172        # "raw ", which QuickTime uses


cdef bint clears_missing_rows(const AVCodecParameters *parameters, AVFrame *frame, int size) noexcept nogil:
    """Clear what a raw picture's packet of `size` bytes did not hold; return False if it held all.
    """
    cdef bint is_mono = frame.format in (avutil.AV_PIX_FMT_MONOWHITE, avutil.AV_PIX_FMT_MONOBLACK)
    cdef int bits = parameters.bits_per_coded_sample
    cdef int per_byte, needed, share, row, held, kept
    cdef ptrdiff_t pitch = abs(frame.linesize[0])
    cdef ptrdiff_t step         # bytes of the packet that a row takes
    if parameters.codec_id != avcodec.AV_CODEC_ID_RAWVIDEO or parameters.codec_tag not in (0, RAW_TAG):
        return False
    if not (is_mono or frame.format == avutil.AV_PIX_FMT_PAL8) or bits not in (0, 1, 2, 4, 8):
        return False
    per_byte = 8 if is_mono else 8 // max(bits, 1)
    needed = (frame.width + per_byte - 1) // per_byte
    share = size // max(frame.height, 1)
    if share == 0 or share >= needed or frame.buf[0] == NULL:
        return False
    step = <ptrdiff_t> ((needed + share - 1) // share) * share
    for row in range(frame.height):
        held = <int> max(0, min(needed, size - row * step))
        kept = held if is_mono else held * per_byte
        if held < needed and (row + 1) * pitch <= <ptrdiff_t> frame.buf[0].size:
            memset(frame.buf[0].data + row * pitch + kept, 0, pitch - kept)
    return True
