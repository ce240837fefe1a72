"""See demuxer.pxd."""

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EINVAL
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.handles cimport DemuxerHandle
from cycodec.core.io.source cimport IOContext
from cycodec.libav cimport avformat, avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVStream
from cycodec.libav.avutil cimport AVMediaType


cdef bint has_stream(DemuxerHandle demuxer, int stream_index) noexcept nogil:
    """Return True if there is a stream of this index."""
    return demuxer is not None and 0 <= stream_index < <int> (<Demuxer> demuxer).ptr.nb_streams


cdef DemuxerHandle demuxer_open(object source):
    """Open a container: a path or URL, an object with the buffer protocol, or a file-like object.

    The source is one resource, as for decoders. Needs the GIL, and releases it while it reads.
    """
    demuxer = Demuxer(source if isinstance(source, IOContext) else IOContext(source))
    demuxer.probe()
    return demuxer


cdef DemuxerHandle demuxer_open_memory(const uint8_t *data, size_t size):
    """Open a container in memory, which the caller keeps until the demuxer is freed."""
    return demuxer_open(PyMemoryView_FromMemory(<char *> data, size, PyBUF_READ))


cdef DemuxerHandle decoder_demuxer(object decoder):
    """Return the demuxer of an open VideoDecoder; ClosedError if the decoder is closed.

    A caller that reads packets from it moves the decoder, which seeks at its next request.
    """
    return <Demuxer?> decoder.__cycodec_demuxer__()


cdef AVFormatContext *demuxer_context(DemuxerHandle demuxer) noexcept nogil:
    """Return the AVFormatContext, which the demuxer owns."""
    return NULL if demuxer is None else (<Demuxer> demuxer).ptr


cdef int demuxer_num_streams(DemuxerHandle demuxer) noexcept nogil:
    """Return the number of streams."""
    return 0 if demuxer is None else (<Demuxer> demuxer).ptr.nb_streams


cdef const AVStream *demuxer_stream(DemuxerHandle demuxer, int stream_index) noexcept nogil:
    """Return a stream, which the demuxer owns; NULL if there is none of this index."""
    return (<Demuxer> demuxer).ptr.streams[stream_index] if has_stream(demuxer, stream_index) else NULL


cdef int demuxer_best_stream(DemuxerHandle demuxer, AVMediaType kind) noexcept nogil:
    """Return the index of FFmpeg's default stream of a kind, or an AVERROR."""
    if demuxer is None:
        return avutil.AVERROR(EINVAL)
    return avformat.av_find_best_stream((<Demuxer> demuxer).ptr, kind, -1, -1, NULL, 0)


cdef int demuxer_read(DemuxerHandle demuxer, AVPacket *packet, int stream_index) noexcept nogil:
    """Read the next packet of one stream; the caller unreferences it. AVERROR_EOF at the end."""
    if packet == NULL or not has_stream(demuxer, stream_index):
        return avutil.AVERROR(EINVAL)
    return (<Demuxer> demuxer).read(packet, stream_index)


cdef int demuxer_read_any(DemuxerHandle demuxer, AVPacket *packet) noexcept nogil:
    """Read the next packet of any stream; the caller unreferences it. AVERROR_EOF at the end."""
    if packet == NULL or demuxer is None:
        return avutil.AVERROR(EINVAL)
    return (<Demuxer> demuxer).read(packet, -1)


cdef int demuxer_seek(DemuxerHandle demuxer, int stream_index, int64_t timestamp) noexcept nogil:
    """Go to the key frame at or before a timestamp, in units of the stream's time base."""
    if not has_stream(demuxer, stream_index):
        return avutil.AVERROR(EINVAL)
    return (<Demuxer> demuxer).seek(stream_index, timestamp)


cdef int demuxer_check(DemuxerHandle demuxer, int code) except -1:
    """Raise the exception for a code below zero."""
    return (<Demuxer?> demuxer).check(code, "read packets")
