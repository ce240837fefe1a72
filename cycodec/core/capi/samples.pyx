"""See samples.pxd."""

from libc.errno cimport EAGAIN, EINVAL
from libc.stdint cimport int64_t

from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.libav cimport avutil


cdef BlockReader decoder_samples(object decoder):
    """Return the reader of an open AudioDecoder; ClosedError if the decoder is closed.

    Its length is known then. No other thread may use the decoder while C code uses its reader.
    """
    return decoder.__cycodec_samples__()


cdef int samples_rate(BlockReader reader) noexcept nogil:
    """Return the number of samples per second of each channel."""
    return reader.sample_rate


cdef int samples_channels(BlockReader reader) noexcept nogil:
    """Return the number of channels."""
    return reader.num_channels


cdef int64_t samples_length(BlockReader reader) noexcept nogil:
    """Return the number of samples of each channel."""
    return reader.total


cdef int64_t samples_read(BlockReader reader, int64_t start, int64_t count, float *out,
                          int64_t stride) noexcept nogil:
    """Write samples from position `start` on to rows of floats, one for each channel.

    The rows are `stride` samples apart. Return how many samples each row received, fewer than
    `count` at the end of the stream, or an AVERROR.
    """
    cdef int64_t stop = start + count
    cdef int64_t done = 0
    cdef bint begun = False
    cdef int code = 0
    if start < 0 or count < 0 or stride < count or out == NULL:
        return avutil.AVERROR(EINVAL)
    if reader.total >= 0 and stop > reader.total:
        stop = reader.total
    while start + done < stop:
        code = reader.step(start, stop, out, stride, &done, &begun)
        if code == avutil.AVERROR_EOF:
            break
        if code < 0 and code != avutil.AVERROR(EAGAIN):
            reader.stop()
            return code
    return done


cdef int samples_check(BlockReader reader, int64_t code) except -1:
    """Raise the exception for a code below zero."""
    return reader.check(<int> min(code, 0))
