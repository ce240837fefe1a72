"""NVDEC as a backend of FrameReader: the driver's own parser, and sessions that are reused."""

import os

from libc.errno cimport EAGAIN
from libc.stdint cimport int64_t, uint8_t
from libc.stdio cimport FILE, fclose, fopen
from libc.string cimport memset, strlen, strncpy

from cycodec.core import error as errors
from cycodec.core cimport error
from cycodec.core.compat cimport (
    AVBSFContext,
    AVBitStreamFilter,
    av_bsf_alloc,
    av_bsf_flush,
    av_bsf_free,
    av_bsf_get_by_name,
    av_bsf_init,
    av_bsf_receive_packet,
    av_bsf_send_packet,
    compat_frame_set_duration,
)
from cycodec.core.gpu cimport device as devices
from cycodec.core.video.codes cimport BACKEND_FAILED
from cycodec.core.video.backend cimport VideoBackend
from cycodec.core.video.target cimport ConvertTarget, convert_target_picture_bytes
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.gpu.device cimport CudaDevice, Delivery
from cycodec.core.gpu.nvidia cimport CUcontext, CUstream, NvFunctions, NvLayout, NvSurface
from cycodec.core.bitstream.sps cimport Sps, read_hevc_sps, read_sps
from cycodec.core.bitstream.start_codes cimport next_start_code

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef extern from "nvidia/nvdec.h" nogil:
    NvFunctions *nv

    ctypedef struct CUVIDDECODECAPS:
        int eCodecType, eChromaFormat
        unsigned int nBitDepthMinus8
        unsigned char bIsSupported
        unsigned short nMinWidth, nMinHeight
        unsigned int nMaxWidth, nMaxHeight, nMaxMBCount
    ctypedef struct NvCacheStats:
        int64_t created, destroyed, reconfigured, hits, idle, idle_bytes
    void nvcache_set_limits(int64_t count, int64_t bytes)
    void nvcache_limits(int64_t *count, int64_t *bytes)
    void nvcache_stats(NvCacheStats *stats)

    struct NvSession:
        pass
    ctypedef struct NvPicture:
        NvLayout layout
        int64_t pts, duration
        int damaged
    int NVDEC_AHEAD, NVDEC_DAMAGED, NVDEC_FAILED
    int nvdec_caps(CUcontext context, CUVIDDECODECAPS *caps, char *error)
    NvSession *nvdec_open(CUcontext context, int codec, const uint8_t *header, int header_size, char *error)
    void nvdec_close(NvSession *session)
    void nvdec_set_crop(NvSession *session, int coded_width, int coded_height, int left, int top)
    void nvdec_skip_nonref(NvSession *session, int skip)
    int nvdec_send(NvSession *session, const uint8_t *data, size_t size, int64_t pts, int has_pts, int64_t duration)
    int nvdec_drain(NvSession *session)
    void nvdec_flush(NvSession *session)
    int nvdec_waiting(const NvSession *session)
    NvPicture *nvdec_next(NvSession *session)
    void nvdec_release(NvSession *session)
    NvPicture *nvdec_current(NvSession *session)
    int nvdec_map(NvSession *session, CUstream stream, NvSurface *surface)
    void nvdec_unmap(NvSession *session, CUstream stream, const NvSurface *surface)
    const char *nvdec_error(const NvSession *session)
    int nvdec_is_refused(const NvSession *session)
    void nvdec_trace(FILE *file)


nv = <NvFunctions *> devices.functions()


# Codec -> (cudaVideoCodec, the bitstream filter that makes packets readable for NVDEC's parser).
# A "?" marks a filter that is needed only if the extradata is avcC or hvcC.
cdef dict CODECS = {
    avcodec.AV_CODEC_ID_MPEG1VIDEO: (0, None),
    avcodec.AV_CODEC_ID_MPEG2VIDEO: (1, None),
    avcodec.AV_CODEC_ID_MPEG4: (2, "mpeg4_unpack_bframes"),
    avcodec.AV_CODEC_ID_H264: (4, "?h264_mp4toannexb"),
    avcodec.AV_CODEC_ID_HEVC: (8, "?hevc_mp4toannexb"),
    avcodec.AV_CODEC_ID_VP8: (9, None),
    avcodec.AV_CODEC_ID_VP9: (10, "vp9_superframe_split"),
    avcodec.AV_CODEC_ID_AV1: (11, None),
}

# Pixel formats that NVDEC's surfaces can hold -> (cudaVideoChromaFormat, bits of a sample).
FORMATS = {
    "yuv420p": (1, 8), "yuvj420p": (1, 8), "yuv420p10le": (1, 10), "yuv420p12le": (1, 12),
    "yuv444p": (3, 8), "yuvj444p": (3, 8), "yuv444p10le": (3, 10), "yuv444p12le": (3, 12),
}

cdef enum:
    # The estimated number of frames that wait or that the parser holds back; it decides on seeking.
    FRAMES_INSIDE = 8


cdef class NvdecBackend(VideoBackend):
    """NVDEC's parser and decoder of one stream.

    Parameters
    ----------
    demuxer : Demuxer
        The constructor alone reads from it. It must know depth, chroma and colours of the pictures.
    stream_index : int
    device : CudaDevice
    """

    cdef NvSession *ptr
    cdef Delivery delivery
    cdef AVCodecParameters *parameters      # a copy that the backend owns
    cdef AVBSFContext *filter               # NULL if the parser reads the packets without a filter
    cdef AVPacket *packet
    cdef int codec                          # cudaVideoCodec
    cdef bint ended
    cdef bint skipping
    cdef bint hurrying
    cdef object source

    def __cinit__(self, Demuxer demuxer not None, int stream_index, CudaDevice device not None):
        cdef const AVBitStreamFilter *kind
        cdef avcodec.AVCodecParameters *stream = demuxer.stream(stream_index).codecpar
        self.source = demuxer.io.name
        self.delivery = Delivery(device, self.source)
        self.codec, name = CODECS[stream.codec_id]
        self.parameters = avcodec.avcodec_parameters_alloc()
        self.packet = avcodec.av_packet_alloc()
        if self.parameters == NULL or self.packet == NULL:
            raise MemoryError()
        error.check(avcodec.avcodec_parameters_copy(self.parameters, stream), "copy codec parameters", self.source)
        if name is not None and name.startswith("?"):
            # The data decides, not the container: avcC and hvcC begin with 1, Annex B with 0.
            name = name[1:] if stream.extradata_size > 0 and stream.extradata[0] == 1 else None
        if name is None:
            return
        kind = av_bsf_get_by_name(name.encode())
        if kind == NULL:
            raise errors.CodecNotFoundError(
                f"{self.source}: the FFmpeg in use has no bitstream filter {name} (use an FFmpeg built with it, or "
                "device='cpu')", source=self.source, operation="open decoder",
            )
        error.check(av_bsf_alloc(kind, &self.filter), "make a bitstream filter", self.source)
        error.check(
            avcodec.avcodec_parameters_copy(self.filter.par_in, stream), "copy codec parameters", self.source
        )
        self.filter.time_base_in = demuxer.stream(stream_index).time_base
        error.check(av_bsf_init(self.filter), "set up a bitstream filter", self.source)

    def __dealloc__(self):
        cdef NvSession *session = self.ptr
        self.ptr = NULL
        if session != NULL:
            with nogil:
                nvdec_close(session)
        av_bsf_free(&self.filter)
        avcodec.av_packet_free(&self.packet)
        avcodec.avcodec_parameters_free(&self.parameters)

    cdef void abandon(self) noexcept:
        """Forget all resources without freeing them: see Note [After fork] in stream.pyx."""
        self.ptr = NULL
        self.delivery.abandon()

    cdef int fail(self) noexcept nogil:
        """Keep the reason of the session's failure; the session cannot be used again."""
        if self.ptr != NULL:
            strncpy(self.delivery.error, nvdec_error(self.ptr), sizeof(self.delivery.error) - 1)
        return self.delivery.check_result(-1)

    cdef object failure(self):
        cdef bint refused = self.ptr != NULL and nvdec_is_refused(self.ptr)
        failure = self.delivery.failure()
        if failure is not None:
            self.end()
        if refused and failure is not None:
            return errors.DecoderRefused(str(failure), source=self.source, operation="decode")
        return failure

    cdef void end(self) noexcept:
        """Close the session; the next packet begins a new one."""
        cdef NvSession *session = self.ptr
        self.ptr = NULL
        with nogil:
            nvdec_close(session)

    cdef void begin(self) noexcept nogil:
        """Open a session with the sequence header of the filter's output."""
        cdef avcodec.AVCodecParameters *parameters = self.parameters
        cdef const uint8_t *header
        cdef int size
        if self.filter != NULL:
            parameters = self.filter.par_out
        header = parameters.extradata
        size = parameters.extradata_size
        if parameters.codec_id == avcodec.AV_CODEC_ID_AV1 and size > 4 and header[0] & 0x80:
            header += 4         # av1C has four bytes of its own before the sequence header
            size -= 4
        elif parameters.codec_id == avcodec.AV_CODEC_ID_VP8 or parameters.codec_id == avcodec.AV_CODEC_ID_VP9:
            size = 0            # vpcC does not belong to the stream
        self.ptr = nvdec_open(<CUcontext> self.delivery.device.context(), self.codec, header, size, self.delivery.error)
        if self.ptr != NULL:
            self.find_crop(header, size)

    cdef void find_crop(self, const uint8_t *data, int size) noexcept nogil:
        """Set the crop of the parameter sets in front of a picture, in Annex B."""
        cdef bint hevc = self.parameters.codec_id == avcodec.AV_CODEC_ID_HEVC
        cdef int position, end, kind
        cdef bint good
        cdef Sps sps
        if not hevc and self.parameters.codec_id != avcodec.AV_CODEC_ID_H264:
            return
        position = next_start_code(data, 0, size)
        while position < size:
            kind = (data[position] >> 1) & 63 if hevc else data[position] & 31
            if kind < 32 if hevc else 1 <= kind <= 5:
                return
            end = next_start_code(data, position, size)
            good = False
            if hevc and kind == 33:
                good = read_hevc_sps(data + position, end - position, &sps)
            elif not hevc and kind == 7:
                good = read_sps(data + position, end - position, &sps)
            if good:
                nvdec_set_crop(self.ptr, sps.width, sps.height, sps.left, sps.top)
            position = end

    cdef int send(self, const AVPacket *packet) noexcept nogil:
        cdef int code
        cdef int result = 0
        if self.ptr == NULL:
            self.begin()
            if self.ptr == NULL:
                return self.fail()
        if self.filter == NULL:
            return self.pass_on(packet)
        if packet != NULL:
            code = avcodec.av_packet_ref(self.packet, packet)
            if code < 0:
                return code
            code = av_bsf_send_packet(self.filter, self.packet)
            if code < 0:
                avcodec.av_packet_unref(self.packet)
                return code
        else:
            av_bsf_send_packet(self.filter, NULL)
        while True:
            code = av_bsf_receive_packet(self.filter, self.packet)
            if code < 0:
                break
            code = self.pass_on(self.packet)
            avcodec.av_packet_unref(self.packet)
            if code == BACKEND_FAILED:
                return code
            if code < 0:
                result = code
        if packet == NULL:
            return self.pass_on(NULL)
        return result if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF else code

    cdef int pass_on(self, const AVPacket *packet) noexcept nogil:
        cdef int code
        if packet == NULL:
            self.ended = True
            code = nvdec_drain(self.ptr)
        else:
            self.find_crop(packet.data, packet.size)
            nvdec_skip_nonref(self.ptr, self.skipping)
            code = nvdec_send(self.ptr, packet.data, packet.size, packet.pts, packet.pts != avutil.AV_NOPTS_VALUE,
                              packet.duration)
        if code == NVDEC_FAILED:
            return self.fail()
        return avutil.AVERROR_INVALIDDATA if code == NVDEC_DAMAGED else 0

    cdef int receive(self, AVFrame *frame) noexcept nogil:
        cdef NvPicture *picture
        if self.delivery.failed:
            return BACKEND_FAILED
        if self.ptr != NULL:
            # From now on the parser may decode into the surface of the last picture.
            nvdec_release(self.ptr)
            if not self.ended and not self.hurrying and nvdec_waiting(self.ptr) <= NVDEC_AHEAD:
                return avutil.AVERROR(EAGAIN)
        picture = nvdec_next(self.ptr) if self.ptr != NULL else NULL
        if picture == NULL:
            return avutil.AVERROR_EOF if self.ended else avutil.AVERROR(EAGAIN)
        frame.width = picture.layout.width
        frame.height = picture.layout.height
        frame.format = self.parameters.format
        frame.pts = picture.pts
        frame.best_effort_timestamp = picture.pts
        compat_frame_set_duration(frame, picture.duration)
        # The picture stays in the session. libavcodec's colours include the container's values.
        frame.colorspace = self.parameters.color_space
        frame.color_primaries = self.parameters.color_primaries
        frame.color_trc = self.parameters.color_trc
        frame.color_range = self.parameters.color_range
        if frame.colorspace == avutil.AVCOL_SPC_UNSPECIFIED and self.has_colour_codes():
            frame.colorspace = <avutil.AVColorSpace> picture.layout.matrix
        if frame.color_range == avutil.AVCOL_RANGE_UNSPECIFIED and picture.layout.full_range:
            frame.color_range = avutil.AVCOL_RANGE_JPEG
        return 0

    cdef bint has_colour_codes(self) noexcept nogil:
        """Return True if the parser's colours are the stream's.

        The parser invents colours for older codecs.
        """
        return self.parameters.codec_id in (
            avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_AV1
        )

    cdef int skip_nonref(self, bint skip) noexcept nogil:
        self.skipping = skip
        return 0

    cdef bint holds_back(self) noexcept nogil:
        return True

    cdef void hurry(self, bint hurry) noexcept nogil:
        self.hurrying = hurry

    cdef bint shows_undecodable(self) noexcept nogil:
        return True

    cdef void flush(self) noexcept nogil:
        self.ended = False
        if self.filter != NULL:
            av_bsf_flush(self.filter)
        if self.ptr != NULL:
            nvdec_flush(self.ptr)

    cdef int reopen(self) except -1:
        """Return to the state before the first packet."""
        self.end()
        self.delivery.failed = False
        self.flush()
        return 0

    cdef int convert(self, AVFrame *frame, const void *target, uint8_t *out) noexcept nogil:
        cdef CUstream stream = <CUstream> self.delivery.device.stream
        cdef NvSurface surface
        cdef NvPicture *picture
        cdef int code
        if self.ptr == NULL or nvdec_map(self.ptr, stream, &surface) < 0:
            return self.fail()
        picture = nvdec_current(self.ptr)
        if picture.damaged:
            frame.flags |= avutil.AV_FRAME_FLAG_CORRUPT
        code = self.delivery.put_surface(&surface, &picture.layout, frame, target, out)
        nvdec_unmap(self.ptr, stream, &surface)
        return code

    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil:
        return self.delivery.copy(to, source, size)

    cdef int make_black(self, const void *target, uint8_t *out) noexcept nogil:
        return self.delivery.clear(out, convert_target_picture_bytes(<const ConvertTarget *> target))

    cdef int delay(self) noexcept nogil:
        return FRAMES_INSIDE


# -- the driver ------------------------------------------------------------------------------------

cdef FILE *trace_file = NULL


def trace(path):
    """Write the callbacks of the driver's parser to a file for tools/gpu_check; None ends it."""
    global trace_file
    nvdec_trace(NULL)
    if trace_file != NULL:
        fclose(trace_file)
        trace_file = NULL
    if path is not None:
        trace_file = fopen(os.fsencode(path), b"w")
        if trace_file == NULL:
            raise OSError(f"cannot write {path}")
        nvdec_trace(trace_file)


def codec_of(Demuxer demuxer not None, int stream_index):
    """Return the cudaVideoCodec of a stream, or None if NVDEC does not know its codec."""
    known = CODECS.get(demuxer.stream(stream_index).codecpar.codec_id)
    return known[0] if known is not None else None


def decoder_caps(size_t context, int codec, int chroma, int depth):
    """Return the hardware's report on a codec (cuvidGetDecoderCaps) as a dict.

    Raise CudaError on failure.
    """
    cdef CUVIDDECODECAPS caps
    cdef char[256] text
    memset(&caps, 0, sizeof(caps))
    caps.eCodecType = codec
    caps.eChromaFormat = chroma
    caps.nBitDepthMinus8 = depth - 8
    if nvdec_caps(<CUcontext> context, &caps, text) < 0:
        raise errors.CudaError((<bytes> text[:strlen(text)]).decode("utf-8", "replace"), operation="ask the decoder")
    return {
        "is_supported": bool(caps.bIsSupported),
        "min_width": caps.nMinWidth, "min_height": caps.nMinHeight,
        "max_width": caps.nMaxWidth, "max_height": caps.nMaxHeight, "max_macroblocks": caps.nMaxMBCount,
    }


# -- decoders that wait ----------------------------------------------------------------------------

def cache_limits():
    """Return the limits on waiting decoders: (largest number of decoders, most bytes)."""
    cdef int64_t count, size
    nvcache_limits(&count, &size)
    return count, size


def set_cache_limits(int64_t count, int64_t size):
    with nogil:
        nvcache_set_limits(count, size)


def cache_stats():
    """Return as a dict what happened to decoders so far, and how many wait now."""
    cdef NvCacheStats stats
    nvcache_stats(&stats)
    return {
        "created": stats.created, "destroyed": stats.destroyed, "reconfigured": stats.reconfigured,
        "hits": stats.hits, "idle": stats.idle, "idle_bytes": stats.idle_bytes,
    }
