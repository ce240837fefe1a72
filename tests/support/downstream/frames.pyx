"""An extension of another project: packets, frames, pictures and samples, without the GIL."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc

from cycodec cimport (
    PICTURE_FLOAT32,
    PICTURE_UINT8,
    decoder_demuxer,
    decoder_index,
    decoder_reader,
    decoder_samples,
    decoder_spec,
    demuxer_best_stream,
    demuxer_check,
    demuxer_num_streams,
    demuxer_open,
    demuxer_open_memory,
    demuxer_read,
    demuxer_read_any,
    demuxer_seek,
    demuxer_stream,
    index_duration,
    index_length,
    index_number_at,
    index_pts,
    index_time_base,
    reader_check,
    reader_convert,
    reader_reach,
    require_cycodec,
    samples_channels,
    samples_check,
    samples_length,
    samples_rate,
    samples_read,
    spec_bytes,
    spec_height,
    spec_width,
)
from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav.avcodec cimport AVPacket, av_packet_alloc, av_packet_free, av_packet_unref
from cycodec.libav.avutil cimport AVERROR_EOF, AVMEDIA_TYPE_VIDEO

require_cycodec()


cdef list packets_of(Demuxer demuxer, int stream):
    """Return (stream, pts, size) of all packets of a stream; of all streams if it is negative."""
    cdef AVPacket *packet = av_packet_alloc()
    cdef int code = 0
    found = []
    while code >= 0:
        with nogil:
            code = demuxer_read_any(demuxer, packet) if stream < 0 else demuxer_read(demuxer, packet, stream)
        if code >= 0:
            found.append((packet.stream_index, packet.pts, packet.size))
            av_packet_unref(packet)
    av_packet_free(&packet)
    if code != AVERROR_EOF:
        demuxer_check(demuxer, code)
    return found


def packets(source, int stream):
    return packets_of(demuxer_open(source), stream)


def packets_in_memory(bytes data, int stream):
    cdef const uint8_t *first = data
    return packets_of(demuxer_open_memory(first, len(data)), stream)


def packets_after(source, int stream, int64_t timestamp):
    cdef Demuxer demuxer = demuxer_open(source)
    demuxer_check(demuxer, demuxer_seek(demuxer, stream, timestamp))
    return packets_of(demuxer, stream)


def streams(source):
    """Return the kinds of all streams, and the number of the best video stream."""
    cdef Demuxer demuxer = demuxer_open(source)
    kinds = [demuxer_stream(demuxer, i).codecpar.codec_type for i in range(demuxer_num_streams(demuxer))]
    assert demuxer_stream(demuxer, len(kinds)) == NULL
    assert demuxer_stream(demuxer, -1) == NULL
    return kinds, demuxer_best_stream(demuxer, AVMEDIA_TYPE_VIDEO)


def streams_of_decoder(decoder):
    return demuxer_num_streams(decoder_demuxer(decoder))


def times(decoder):
    """Return (pts, duration) of all frames in seconds, and the frame that is played at each pts."""
    cdef FrameIndex index = decoder_index(decoder)
    cdef int i
    base = index_time_base(index)
    unit = base.num / <double> base.den
    return [
        (index_pts(index, i) * unit, index_duration(index, i) * unit,
         index_number_at(index, (index_pts(index, i) + index_duration(index, i) / 2) * unit))
        for i in range(index_length(index))
    ]


def pictures(decoder, numbers, region, size, bint floats=False, bint planar=False):
    """Return the bytes of pictures, and their height and width."""
    cdef FrameReader reader = decoder_reader(decoder)
    cdef PictureSpec spec = decoder_spec(
        decoder, region[0], region[1], region[2], region[3], size[0], size[1],
        PICTURE_FLOAT32 if floats else PICTURE_UINT8, planar,
    )
    cdef uint8_t *out = <uint8_t *> malloc(spec_bytes(spec))
    cdef int64_t number
    cdef int code
    found = []
    try:
        for number in numbers:
            with nogil:
                code = reader_reach(reader, number)
                if code >= 0:
                    code = reader_convert(reader, spec, out)
            reader_check(reader, code)
            found.append(out[:spec_bytes(spec)])
    finally:
        free(out)
    return found, spec_height(spec), spec_width(spec)


def samples(decoder, int64_t start, int64_t count):
    """Return the floats of a window as bytes, with the rate, channels and length of the stream."""
    cdef BlockReader reader = decoder_samples(decoder)
    cdef int channels = samples_channels(reader)
    cdef float *out = <float *> malloc(max(channels * count, 1) * sizeof(float))
    cdef int64_t got
    try:
        with nogil:
            got = samples_read(reader, start, count, out, count)
        samples_check(reader, got)
        rows = [(<char *> (out + i * count))[:got * sizeof(float)] for i in range(channels)]
    finally:
        free(out)
    return b"".join(rows), samples_rate(reader), channels, samples_length(reader)
