"""See samples.pxd."""

from libc.errno cimport EAGAIN, EINVAL
from libc.stdint cimport int64_t

from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.core.handles cimport SamplesHandle
from cycodec.libav cimport avutil


cdef SamplesHandle decoder_samples(object decoder):
    """Return the reader of an open AudioDecoder; ClosedError if the decoder is closed.

    Its length is known then. No other thread may use the decoder while C code uses its reader.
    """
    return <BlockReader?> decoder.__cycodec_samples__()


cdef int samples_rate(SamplesHandle reader) noexcept nogil:
    """Return the number of samples per second of each channel."""
    return 0 if reader is None else (<BlockReader> reader).sample_rate


cdef int samples_channels(SamplesHandle reader) noexcept nogil:
    """Return the number of channels."""
    return 0 if reader is None else (<BlockReader> reader).num_channels


cdef int64_t samples_length(SamplesHandle reader) noexcept nogil:
    """Return the number of samples of each channel."""
    return 0 if reader is None else (<BlockReader> reader).total


cdef int64_t samples_read(SamplesHandle reader, int64_t start, int64_t count, float *out,
                          int64_t stride) noexcept nogil:
    """Write samples from position `start` on to rows of floats, one for each channel.

    The rows are `stride` samples apart. Return how many samples each row received, fewer than
    `count` at the end of the stream, or an AVERROR.
    """
    cdef int64_t stop = start + count
    cdef int64_t done = 0
    cdef bint begun = False
    cdef int code = 0
    if reader is None or start < 0 or count < 0 or stride < count or out == NULL:
        return avutil.AVERROR(EINVAL)
    if 0 <= (<BlockReader> reader).total < stop:
        stop = (<BlockReader> reader).total
    while start + done < stop:
        code = (<BlockReader> reader).step(start, stop, out, stride, &done, &begun)
        if code == avutil.AVERROR_EOF:
            break
        if code < 0 and code != avutil.AVERROR(EAGAIN):
            (<BlockReader> reader).stop()
            return code
    return done


cdef int samples_check(SamplesHandle reader, int64_t code) except -1:
    """Raise the exception for a code below zero."""
    return (<BlockReader?> reader).check(<int> min(code, 0))
