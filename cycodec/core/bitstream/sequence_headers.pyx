"""What the headers inside packets say of all later pictures: parameter sets and colours.

For JPEG, quantization and Huffman tables count as parameter sets.

ITU-T H.264, 7.3.2.1 and E.1.1; ITU-T H.265, 7.3.2; ISO/IEC 13818-2, 6.2.2.4 (MPEG-2); ISO/IEC
14496-2, 6.2.2 (MPEG-4).

Note [Sets in use]

A decoder of H.264 takes the colours of a sequence parameter set when a slice names a picture
parameter set that names it. A set that is new makes the decoder forget the picture parameter sets
that named the old one. So a set counts only if one of those behind it, in the same packet or
extradata, names it. Damage may look like a set, and FFmpeg then puts it into the extradata.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memset, strlen

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits, read_golomb
from cycodec.core.bitstream.jpeg cimport JpegSegment, has_jpeg_tables, next_jpeg_segment
from cycodec.core.bitstream.nal cimport NalFormat, take_length
from cycodec.core.bitstream.sps cimport MAX_BYTES, Sps, open_payload, read_sps
from cycodec.core.bitstream.start_codes cimport next_start_code
from cycodec.core.bitstream.sps import sets_in_extradata

from cycodec.libav cimport avcodec, avutil


cdef enum:
    H264_SPS = 7                # nal_unit_type
    H264_PPS = 8
    MOST_SETS = 32              # numbers of sequence parameter sets, ITU-T H.264, 7.4.2.1.1
    NAMING_BYTES = 16           # of a picture parameter set, more than the two numbers at its begin
    HEVC_VPS = 32
    HEVC_PPS = 34
    PICTURE_START = 0x00        # start codes of MPEG-2
    FIRST_SLICE = 0x01
    LAST_SLICE = 0xAF
    SEQUENCE_START = 0xB3
    EXTENSION_START = 0xB5
    SEQUENCE_DISPLAY_EXTENSION = 2
    FIRST_VOL = 0x20            # start codes of MPEG-4
    LAST_VOL = 0x2F
    VISUAL_OBJECT_START = 0xB5
    VOP_START = 0xB6
    VIDEO_OBJECT = 1            # visual_object_type
    STILL_TEXTURE = 2
    JPEG_COMMENT = 0xFE
    JPEG_APPLICATION = 0xE0     # the first of 16
    JPEG2000_REACH = 512        # bytes within which the codestream of JPEG 2000 begins
    JPEG2000_SIZE = 0xFF4FFF51  # its start, and the marker of the sizes
    DNXHD_HEADER = 0x2D         # bytes
    DIGEST_BASIS = 0x811C9DC5   # of FNV-1a
    DIGEST_PRIME = 0x01000193


# The sequence parameter sets of H.264 that stand in a packet or in the extradata.
cdef struct ParameterSets:
    # The bit of each set that was met.
    uint32_t met
    # What a set that was met tells.
    SequenceHeaders[MOST_SETS] told


# Comments of JPEG that libavcodec's decoder heeds, up to their last byte that it compares, and the
# names of application segments.
cdef const char *COMMENTS[4]
COMMENTS[:] = [b"CS=ITU601", b"Intel(R) JPEG Library, version 1", b"Metasoft MJPEG Codec", b"MULTISCOPE II"]
cdef const char *APPLICATIONS[3]
APPLICATIONS[:] = [b"LJIF", b"colr", b"xfrm"]


cdef bint has_sequence_headers(int codec_id) noexcept nogil:
    """Return True if `read_sequence_headers` reads the headers of a codec."""
    return keeps_colours(codec_id) or codec_id in (avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MJPEG)


cdef bint keeps_colours(int codec_id) noexcept nogil:
    """Return True if the decoder keeps colours that a later header does not mention."""
    return codec_id in (
        avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_MPEG4
    )


cdef bint tells_all(int codec_id, const SequenceHeaders *headers) noexcept nogil:
    """Return True if headers tell all colours that the codec can tell."""
    return headers.has_colours and (headers.has_range or codec_id == avcodec.AV_CODEC_ID_MPEG2VIDEO)


cdef void read_sequence_headers(const NalFormat *format, const uint8_t *data, int size,
                                SequenceHeaders *headers) noexcept nogil:
    """Read what stands before the first slice of a packet."""
    memset(headers, 0, sizeof(SequenceHeaders))
    headers.is_known = True
    if format.codec_id == avcodec.AV_CODEC_ID_H264 or format.codec_id == avcodec.AV_CODEC_ID_HEVC:
        read_units(format, data, size, headers)
    elif format.codec_id == avcodec.AV_CODEC_ID_MPEG2VIDEO:
        read_mpeg2(data, size, headers)
    elif format.codec_id == avcodec.AV_CODEC_ID_MPEG4:
        read_mpeg4(data, size, headers)
    elif format.codec_id == avcodec.AV_CODEC_ID_MJPEG:
        headers.has_sets = has_jpeg_tables(data, size)


cdef void note_memory(DecoderMemory *memory, int codec_id, const uint8_t *data, int size) noexcept nogil:
    """Note whether a packet differs from the first one in what the decoder remembers of it."""
    cdef uint32_t remembered = remembered_header(codec_id, data, size)
    if not memory.is_known:
        memory.is_known = True
        memory.first = remembered
    memory.changes = memory.changes or remembered != memory.first


cdef uint32_t remembered_header(int codec_id, const uint8_t *data, int size) noexcept nogil:
    """Return a digest of what a packet tells the decoder for later pictures, too.

    Note [What decoders remember]: libavcodec's decoder of JPEG keeps what some comments and
    application segments say (the range of colours, RGB, upside down) for all later pictures that do
    not say it. Those of DNxHD and JPEG 2000 keep a pixel format or colours where the components
    change, and that of MPEG-2 shows other pictures at first where the chroma format changes, which
    `changes_sequence` in mpeg.pyx finds. If packets differ in this, only a pass from the beginning
    by a new decoder gives the frames of the ffmpeg command. The digests of packets of ordinary
    streams are all equal.
    """
    cdef uint32_t digest = DIGEST_BASIS
    cdef uint32_t word = 0
    cdef int i
    if codec_id == avcodec.AV_CODEC_ID_MJPEG or codec_id == avcodec.AV_CODEC_ID_JPEGLS:
        return remembered_segments(data, size)
    if codec_id == avcodec.AV_CODEC_ID_DNXHD and size >= DNXHD_HEADER:
        digest = digest_bytes(digest, data + 0x21, 1)       # the depth
        return digest_bytes(digest, data + 0x28, 5)         # profile, components and colours
    if codec_id == avcodec.AV_CODEC_ID_JPEG2000:
        for i in range(min(size, JPEG2000_REACH)):
            word = word << 8 | data[i]
            if word == JPEG2000_SIZE and i + 3 < size:
                # the boxes of the header, without the one around the codestream, which has a size
                digest = digest_bytes(digest, data, max(i - 11, 0))
                return digest_bytes(digest, data + i + 1, min(data[i + 1] << 8 | data[i + 2], size - i - 1))
    return 0


cdef uint32_t digest_bytes(uint32_t digest, const uint8_t *data, int size) noexcept nogil:
    """Continue a digest (FNV-1a)."""
    cdef int i
    for i in range(size):
        digest = (digest ^ data[i]) * DIGEST_PRIME
    return digest


cdef uint32_t remembered_segments(const uint8_t *data, int size) noexcept nogil:
    """Return which of the segments stand before the scan of a JPEG, one bit each, and the value of
    those that have one.
    """
    cdef uint32_t found = 0
    cdef JpegSegment segment
    cdef const uint8_t *last = data + size - 1
    cdef int i
    segment.end = 0
    while next_jpeg_segment(data, size, &segment):
        if segment.marker == JPEG_COMMENT:
            for i in range(4):
                if begins_with(segment.data + 2, segment.size - 2, COMMENTS[i]):
                    found |= 1 << i
        elif segment.marker & 0xF0 == JPEG_APPLICATION:
            for i in range(3):
                if begins_with(segment.data + 2, segment.size - 2, APPLICATIONS[i]):
                    # LJIF has its value behind 8 other bytes
                    found |= (4 | min(segment.data + (14 if i == 0 else 6), last)[0] & 3) << (4 + 3 * i)
    return found


cdef bint begins_with(const uint8_t *data, int size, const char *text) noexcept nogil:
    cdef int length = <int> strlen(text)
    return size >= length and memcmp(data, text, length) == 0


cdef void read_units(const NalFormat *format, const uint8_t *data, int size, SequenceHeaders *headers) noexcept nogil:
    """Read the parameter sets among NAL units."""
    cdef ParameterSets sets
    cdef int position = 0
    cdef int length, kind
    sets.met = 0
    while True:
        if format.length > 0:
            if position + format.length >= size:
                return
            length = take_length(format, data, size, &position)
            if not length:
                return
        else:
            position = next_start_code(data, position, size)
            length = 0
        if position >= size:
            return
        if format.codec_id == avcodec.AV_CODEC_ID_H264:
            kind = data[position] & 31
            if 1 <= kind <= 5:
                return
            headers.has_sets |= kind == H264_SPS or kind == H264_PPS
            if kind == H264_SPS:
                read_h264_set(data + position, length if length else size - position, &sets)
            elif kind == H264_PPS:
                use_named_set(data + position, length if length else size - position, &sets, headers)
        else:
            kind = (data[position] >> 1) & 63
            if kind < HEVC_VPS:
                return
            headers.has_sets |= kind <= HEVC_PPS
        position += length


cdef void read_h264_set(const uint8_t *data, int size, ParameterSets *sets) noexcept nogil:
    """Read a sequence parameter set of H.264, which takes the place of one with its number."""
    cdef SequenceHeaders *told
    cdef Sps sps
    if not read_sps(data, size, &sps) or sps.id >= MOST_SETS:
        return
    sets.met |= <uint32_t> 1 << sps.id
    told = &sets.told[sps.id]
    memset(told, 0, sizeof(SequenceHeaders))
    if sps.full_range >= 0:
        told.has_range = True
        told.range = avutil.AVCOL_RANGE_JPEG if sps.full_range else avutil.AVCOL_RANGE_MPEG
    if sps.has_colours:
        told.has_colours = True
        told.primaries = <uint8_t> sps.primaries
        told.transfer = <uint8_t> sps.transfer
        told.matrix = <uint8_t> sps.matrix


cdef void use_named_set(const uint8_t *data, int size, const ParameterSets *sets,
                        SequenceHeaders *headers) noexcept nogil:
    """Take over what the set tells that a picture parameter set names: Note [Sets in use]."""
    cdef uint8_t[MAX_BYTES] payload
    cdef SequenceHeaders told
    cdef Bits bits
    cdef unsigned number
    open_payload(&bits, payload, data, min(size, NAMING_BYTES))
    bits.pos = 8
    read_golomb(&bits)          # pic_parameter_set_id
    number = read_golomb(&bits)
    if bits.overrun or number >= MOST_SETS or not sets.met >> number & 1:
        return
    told = sets.told[number]
    told.is_known = headers.is_known
    fill_in(&told, headers)
    headers[0] = told


cdef void read_mpeg2(const uint8_t *data, int size, SequenceHeaders *headers) noexcept nogil:
    cdef int position = 0
    cdef Bits bits
    while True:
        position = next_start_code(data, position, size)
        if position >= size or PICTURE_START <= data[position] <= LAST_SLICE:
            return
        if data[position] == SEQUENCE_START:
            headers.has_sets = True
        elif data[position] == EXTENSION_START:
            open_bits(&bits, data + position + 1, size - position - 1)
            if read_bits(&bits, 4) == SEQUENCE_DISPLAY_EXTENSION:
                read_bits(&bits, 3)     # video_format
                read_colours(&bits, headers)


cdef void read_mpeg4(const uint8_t *data, int size, SequenceHeaders *headers) noexcept nogil:
    cdef int position = 0
    cdef Bits bits
    while True:
        position = next_start_code(data, position, size)
        if position >= size or data[position] == VOP_START:
            return
        if FIRST_VOL <= data[position] <= LAST_VOL:
            headers.has_sets = True
        elif data[position] == VISUAL_OBJECT_START:
            open_bits(&bits, data + position + 1, size - position - 1)
            if read_bits(&bits, 1):     # is_visual_object_identifier
                read_bits(&bits, 7)
            if read_bits(&bits, 4) not in (VIDEO_OBJECT, STILL_TEXTURE) or not read_bits(&bits, 1):
                continue
            read_bits(&bits, 3)         # video_format
            headers.has_range = True
            headers.range = avutil.AVCOL_RANGE_JPEG if read_bits(&bits, 1) else avutil.AVCOL_RANGE_MPEG
            read_colours(&bits, headers)


cdef void read_colours(Bits *bits, SequenceHeaders *headers) noexcept nogil:
    """Read a colour description that may follow."""
    if not read_bits(bits, 1):
        return
    headers.primaries = <uint8_t> read_bits(bits, 8)
    headers.transfer = <uint8_t> read_bits(bits, 8)
    headers.matrix = <uint8_t> read_bits(bits, 8)
    headers.has_colours = not bits.overrun


cdef void fill_in(SequenceHeaders *headers, const SequenceHeaders *earlier) noexcept nogil:
    """Take over from earlier headers what later ones do not tell."""
    headers.has_sets |= earlier.has_sets
    if earlier.has_range and not headers.has_range:
        headers.has_range = True
        headers.range = earlier.range
    if earlier.has_colours and not headers.has_colours:
        headers.has_colours = True
        headers.primaries = earlier.primaries
        headers.transfer = earlier.transfer
        headers.matrix = earlier.matrix


cdef SequenceHeaders headers_of_extradata(int codec_id, bytes extradata):
    """Return what a stream's extradata tells."""
    cdef SequenceHeaders headers
    cdef ParameterSets sets
    cdef NalFormat format
    format.codec_id = codec_id
    format.length = format.top_layer = 0
    memset(&headers, 0, sizeof(headers))
    if codec_id == avcodec.AV_CODEC_ID_H264:
        sets.met = 0
        for unit in sets_in_extradata(extradata):
            read_h264_set(<const uint8_t *> (<const char *> unit), <int> len(unit), &sets)
        for unit in sets_in_extradata(extradata, of_pictures=True):
            use_named_set(<const uint8_t *> (<const char *> unit), <int> len(unit), &sets, &headers)
    else:
        read_sequence_headers(&format, <const uint8_t *> (<const char *> extradata), <int> len(extradata), &headers)
    return headers
