"""An extension of another project: packets, frames, pictures and samples, without the GIL."""

from libc.errno cimport EINVAL
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc

from cycodec cimport (
    DemuxerHandle,
    IndexHandle,
    PICTURE_FLOAT16,
    PICTURE_FLOAT32,
    PICTURE_UINT8,
    ReaderHandle,
    SamplesHandle,
    SpecHandle,
    decoder_demuxer,
    decoder_index,
    decoder_reader,
    decoder_samples,
    decoder_spec,
    demuxer_best_stream,
    demuxer_check,
    demuxer_context,
    demuxer_num_streams,
    demuxer_open,
    demuxer_open_memory,
    demuxer_read,
    demuxer_read_any,
    demuxer_seek,
    demuxer_stream,
    index_duration,
    index_gop_begin,
    index_length,
    index_number_at,
    index_pts,
    index_time_base,
    reader_check,
    reader_convert,
    reader_frame,
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
from cycodec.libav.avcodec cimport AVPacket, av_packet_alloc, av_packet_free, av_packet_unref
from cycodec.libav.avutil cimport AV_NOPTS_VALUE, AVERROR, AVERROR_EOF, AVMEDIA_TYPE_VIDEO

require_cycodec()


cdef list packets_of(DemuxerHandle demuxer, int stream):
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
    cdef DemuxerHandle demuxer = demuxer_open(source)
    demuxer_check(demuxer, demuxer_seek(demuxer, stream, timestamp))
    return packets_of(demuxer, stream)


def streams(source):
    """Return the kinds of all streams, and the number of the best video stream."""
    cdef DemuxerHandle demuxer = demuxer_open(source)
    kinds = [demuxer_stream(demuxer, i).codecpar.codec_type for i in range(demuxer_num_streams(demuxer))]
    assert demuxer_stream(demuxer, len(kinds)) == NULL
    assert demuxer_stream(demuxer, -1) == NULL
    return kinds, demuxer_best_stream(demuxer, AVMEDIA_TYPE_VIDEO)


def streams_of_decoder(decoder):
    return demuxer_num_streams(decoder_demuxer(decoder))


def times(decoder):
    """Return (pts, duration) of all frames in seconds, and the frame that is played at each pts."""
    return times_of(decoder_index(decoder))


def times_of(IndexHandle index):
    cdef int i
    base = index_time_base(index)
    unit = base.num / <double> base.den
    return [
        (index_pts(index, i) * unit, index_duration(index, i) * unit,
         index_number_at(index, (index_pts(index, i) + index_duration(index, i) / 2) * unit))
        for i in range(index_length(index))
    ]


def gop_begins(IndexHandle index):
    """Return the first frame of each frame's GOP, and the answers for frames outside the stream."""
    cdef int i, length = index_length(index)
    return [index_gop_begin(index, i) for i in range(length)], index_gop_begin(index, -1), index_gop_begin(index, length)


def pictures(decoder, numbers, region, size, int type=PICTURE_UINT8, bint planar=False):
    """Return the bytes of pictures, and their height and width."""
    cdef ReaderHandle reader = decoder_reader(decoder)
    cdef SpecHandle spec = decoder_spec(
        decoder, region[0], region[1], region[2], region[3], size[0], size[1],
        type, planar,
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
    cdef SamplesHandle reader = decoder_samples(decoder)
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


FLOAT32 = PICTURE_FLOAT32
FLOAT16 = PICTURE_FLOAT16


def name_of_format(source):
    return demuxer_context(demuxer_open(source)).iformat.name.decode()


cdef class Kept:
    """The handles of a decoder, which outlive its `close`."""

    cdef ReaderHandle reader
    cdef DemuxerHandle demuxer
    cdef SamplesHandle samples

    def __init__(self, video, audio):
        self.reader = decoder_reader(video)
        self.demuxer = decoder_demuxer(video)
        self.samples = decoder_samples(audio)

    def reach(self, int64_t number):
        reader_check(self.reader, reader_reach(self.reader, number))

    def packet(self):
        packets_of(self.demuxer, -1)

    def sample(self):
        cdef float value
        samples_check(self.samples, samples_read(self.samples, 0, 1, &value, 1))


def answers_for_none():
    """Return what each function answers without a handle."""
    cdef uint8_t byte = 0
    cdef float value = 0
    return {
        "demuxer_context": demuxer_context(None) == NULL,
        "demuxer_num_streams": demuxer_num_streams(None) == 0,
        "demuxer_stream": demuxer_stream(None, 0) == NULL,
        "demuxer_best_stream": demuxer_best_stream(None, AVMEDIA_TYPE_VIDEO) == AVERROR(EINVAL),
        "demuxer_read": demuxer_read(None, NULL, 0) == AVERROR(EINVAL),
        "demuxer_read_any": demuxer_read_any(None, NULL) == AVERROR(EINVAL),
        "demuxer_seek": demuxer_seek(None, 0, 0) == AVERROR(EINVAL),
        "index_length": index_length(None) == 0,
        "index_pts": index_pts(None, 0) == AV_NOPTS_VALUE,
        "index_duration": index_duration(None, 0) == 0,
        "index_gop_begin": index_gop_begin(None, 0) == -1,
        "index_number_at": index_number_at(None, 0) == -1,
        "index_time_base": index_time_base(None).num == 0,
        "reader_reach": reader_reach(None, 0) == AVERROR(EINVAL),
        "reader_frame": reader_frame(None) == NULL,
        "reader_convert": reader_convert(None, None, &byte) == AVERROR(EINVAL),
        "spec_height": spec_height(None) == 0,
        "spec_width": spec_width(None) == 0,
        "spec_bytes": spec_bytes(None) == 0,
        "samples_rate": samples_rate(None) == 0,
        "samples_channels": samples_channels(None) == 0,
        "samples_length": samples_length(None) == 0,
        "samples_read": samples_read(None, 0, 1, &value, 1) == AVERROR(EINVAL),
    }


def check_none(str kind):
    """Call the function that raises, without a handle."""
    if kind == "demuxer":
        demuxer_check(None, -1)
    elif kind == "reader":
        reader_check(None, -1)
    else:
        samples_check(None, -1)
