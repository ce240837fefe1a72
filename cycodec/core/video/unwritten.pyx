"""Marks in new picture buffers, which tell whether a decoder has written a picture whole.

Note [Unwritten pixels]

Where a packet is damaged, some decoders (MJPEG, HEVC, VP8 and others) leave the rest of a picture
unwritten without saying so. The picture then shows what its buffer held before, which depends on
what was decoded earlier. Therefore each plane of a new buffer gets marks of eight bytes, about five
in every sixteenth row. A mark that is still there when the frame comes out counts as damage, so
that the stream is decoded from its beginning by a new decoder, whose buffers have no marks. So does
a mark in a picture that is decoded and not yet shown, because the frame may refer to it. Damage
that lies between the marks stays unseen.

Where decoding begins at a key frame of an open GOP of H.264, the decoder makes up pictures in place
of those that the key frame's number skips, and pictures that are shown before the key frame lack
references. No frame that is shown later refers to either, so that they get no marks.

Note [References that are made up]

The decoder of HEVC makes a grey picture in place of a reference that is missing, and says so in its
log only. Its motion vectors are those of an older picture. A decoder that asks for more than one
buffer for one packet has made up a reference. With frame threads, which decode several packets at
the same time, this cannot be told.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    MARK = 8                    # bytes of a mark
    ROW_STEP = 16               # rows between rows with marks
    MARKS_IN_ROW = 4            # about, without the one at the end
    SMALLEST_STEP = 16          # bytes between marks


cdef bint may_mark(const AVCodecContext *context) noexcept nogil:
    """Return True for decoders that write every pixel of an intact picture into a new buffer, with
    one thread on the CPU.
    """
    return context.thread_count <= 1 and context.hw_device_ctx == NULL and context.codec_id in (
        avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG1VIDEO,
        avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_MPEG4, avcodec.AV_CODEC_ID_MJPEG,
        avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9, avcodec.AV_CODEC_ID_THEORA, avcodec.AV_CODEC_ID_H263,
        avcodec.AV_CODEC_ID_H263P, avcodec.AV_CODEC_ID_FLV1, avcodec.AV_CODEC_ID_MSMPEG4V2,
        avcodec.AV_CODEC_ID_MSMPEG4V3, avcodec.AV_CODEC_ID_WMV1, avcodec.AV_CODEC_ID_WMV2,
        avcodec.AV_CODEC_ID_PNG, avcodec.AV_CODEC_ID_TIFF, avcodec.AV_CODEC_ID_JPEGLS, avcodec.AV_CODEC_ID_JPEG2000,
        avcodec.AV_CODEC_ID_FFV1, avcodec.AV_CODEC_ID_HUFFYUV, avcodec.AV_CODEC_ID_FFVHUFF,
        avcodec.AV_CODEC_ID_UTVIDEO, avcodec.AV_CODEC_ID_MAGICYUV, avcodec.AV_CODEC_ID_PRORES,
        avcodec.AV_CODEC_ID_DNXHD, avcodec.AV_CODEC_ID_DVVIDEO,
    )


cdef void mark_buffers(AVCodecContext *context, Marks *marks) noexcept nogil:
    """Let new buffers of a decoder get marks while `marks` says so."""
    context.opaque = marks
    context.get_buffer2 = get_marked_buffer


cdef int get_marked_buffer(AVCodecContext *context, AVFrame *frame, int flags) noexcept nogil:
    cdef Marks *marks = <Marks *> context.opaque
    cdef Waiting waiting
    cdef int code = avcodec.avcodec_default_get_buffer2(context, frame, flags)
    marks.requests += 1
    if code < 0 or not marks.is_on or marks.chosen == MARK_NONE or frame.buf[0] == NULL:
        return code
    if marks.chosen == MARK_LAST:
        forget_marks(marks)
    choose_planes(&waiting, context, frame)
    if waiting.planes[0].buffer == NULL:
        return code
    visit_marks(&waiting, True)
    if marks.count == MOST_WAITING:
        drop(marks, 0)
    marks.waiting[marks.count] = waiting
    marks.count += 1
    return code


cdef void choose_planes(Waiting *picture, const AVCodecContext *context, const AVFrame *frame) noexcept nogil:
    """Refer to the planes of a new picture that get marks: those that pixels fill, not palettes.

    No other plane gets marks if the first one gets none. MagicYUV's decoder predicts pixels from
    what the buffer held, and so would spread the marks of more planes in damaged files.
    """
    cdef const avutil.AVPixFmtDescriptor *format = avutil.av_pix_fmt_desc_get(<avutil.AVPixelFormat> frame.format)
    cdef MarkedPlane *plane
    cdef int i
    memset(picture, 0, sizeof(Waiting))
    if format == NULL:
        return
    for i in range(MOST_PLANES):
        plane = &picture.planes[i]
        if frame.buf[i] == NULL or (i > 0 and format.flags & avutil.AV_PIX_FMT_FLAG_PAL):
            break
        plane.data = frame.data[i]
        plane.linesize = frame.linesize[i]
        plane.width = avutil.av_image_get_linesize(<avutil.AVPixelFormat> frame.format, context.width, i)
        plane.height = context.height
        if i == 1 or i == 2:
            plane.height = -(-context.height >> format.log2_chroma_h)
        if (
            plane.width >= MARK and plane.height > 0 and plane.linesize >= plane.width
            and plane.data >= frame.buf[i].data
            and <size_t> (plane.data - frame.buf[i].data) + <size_t> plane.linesize * (plane.height - 1) + plane.width
            <= frame.buf[i].size
        ):
            plane.buffer = avutil.av_buffer_ref(frame.buf[i])
        if picture.planes[0].buffer == NULL or context.codec_id == avcodec.AV_CODEC_ID_MAGICYUV:
            break


cdef void drop(Marks *marks, int place) noexcept nogil:
    cdef int i
    for i in range(MOST_PLANES):
        avutil.av_buffer_unref(&marks.waiting[place].planes[i].buffer)
    marks.count -= 1
    memmove(&marks.waiting[place], &marks.waiting[place + 1], (marks.count - place) * sizeof(Waiting))


cdef void forget_marks(Marks *marks) noexcept nogil:
    """Check no more pictures of those so far."""
    while marks.count:
        drop(marks, marks.count - 1)


cdef bint finds_marks(Marks *marks, const AVFrame *frame) noexcept nogil:
    """Return True if a decoded frame, or a picture that was decoded before it, still holds a mark.

    Each picture is looked at once. The newest one may still lack its second field, unless it is
    this frame.
    """
    cdef bint found = False
    cdef bint is_frame
    cdef int place = 0
    while place < marks.count:
        is_frame = frame.buf[0] != NULL and marks.waiting[place].planes[0].buffer.data == frame.buf[0].data
        if not is_frame and place == marks.count - 1:
            break
        found = found or visit_marks(&marks.waiting[place], False)
        drop(marks, place)
    return found


cdef bint visit_marks(const Waiting *picture, bint writes) noexcept nogil:
    """Write the marks of a picture, or return True if one of them is there."""
    cdef int i
    for i in range(MOST_PLANES):
        if picture.planes[i].buffer != NULL and visit_plane(&picture.planes[i], writes):
            return True
    return False


cdef bint visit_plane(const MarkedPlane *plane, bint writes) noexcept nogil:
    """Write the marks of a plane, or return True if one of them is there."""
    cdef uint8_t *row
    cdef int step = max(<int> SMALLEST_STEP, (plane.width // MARKS_IN_ROW) & -<int> SMALLEST_STEP)
    cdef int y = 0
    cdef int x
    while True:
        row = plane.data + <size_t> y * plane.linesize
        x = 0
        while True:
            if writes:
                write_mark(row + x, y, x)
            elif holds_mark(row + x, y, x, x == plane.width - MARK):
                return True
            if x == plane.width - MARK:
                break
            x = min(x + step, plane.width - MARK)
        if y == plane.height - 1:
            return False
        # rows of both fields
        y = min(y + ROW_STEP + (-1 if y & 1 else 1), plane.height - 1)


cdef uint64_t mark_of(int y, int x) noexcept nogil:
    """Return bytes that pictures hardly hold."""
    cdef uint64_t value = (<uint64_t> y << 32 | <uint64_t> x) + <uint64_t> 0x9E3779B97F4A7C15
    value = (value ^ value >> 30) * <uint64_t> 0xBF58476D1CE4E5B9
    return value ^ value >> 31


cdef void write_mark(uint8_t *place, int y, int x) noexcept nogil:
    cdef uint64_t mark = mark_of(y, x)
    memcpy(place, &mark, MARK)


cdef bint holds_mark(const uint8_t *place, int y, int x, bint is_last) noexcept nogil:
    """Return True if a mark is there; of the last one in a row, whose end a decoder may not reach,
    the second half is enough.
    """
    cdef uint64_t mark = mark_of(y, x)
    cdef int begin = MARK // 2 if is_last else 0
    return memcmp(place + begin, <const uint8_t *> &mark + begin, MARK - begin) == 0
