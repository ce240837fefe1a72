# cython: no_gc_clear=True
"""What encoders of all kinds of media share: a codec, a stream of the muxer, its packets."""

cimport cython
from libc.errno cimport EAGAIN

from cycodec.core.encode.muxer cimport Muxer

from cycodec.core.error import CodecNotFoundError, UnsupportedError

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodec, AVCodecID
from cycodec.libav.avutil cimport AVFrame


@cython.no_gc_clear
cdef class StreamEncoder:
    """One stream of a muxer. A subclass fills frames, and this class encodes and writes them."""

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.context)
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)

    cdef int allocate(self, Muxer muxer, AVCodecID codec_id, str kind) except -1:
        """Prepare to encode with the codec that the container prefers for a kind of media."""
        cdef const AVCodec *codec = NULL
        name = muxer.sink.name
        self.muxer = muxer
        if codec_id == avcodec.AV_CODEC_ID_NONE:
            raise UnsupportedError(
                f"{name}: the container {muxer.format_name} holds no {kind} (choose another format)",
                source=name, operation="find an encoder",
            )
        codec = avcodec.avcodec_find_encoder(codec_id)
        self.codec = codec
        if codec == NULL:
            raise CodecNotFoundError(
                f"{name}: the FFmpeg in use has no encoder for {avcodec.avcodec_get_name(codec_id).decode()} "
                "(use an FFmpeg built with it, or another format; `cycodec doctor` lists what this one has)",
                source=name, operation="find an encoder",
            )
        if codec.capabilities & avcodec.AV_CODEC_CAP_EXPERIMENTAL:
            raise UnsupportedError(
                f"{name}: FFmpeg calls its encoder {self.codec_name} experimental (choose another format)",
                source=name, operation="find an encoder",
            )
        self.context = avcodec.avcodec_alloc_context3(codec)
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.context == NULL or self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.stream = avformat.avformat_new_stream(muxer.context, NULL)
        if self.stream == NULL:
            raise MemoryError()
        return 0

    cdef int open(self) except -1:
        """Open the codec with the choices in `context`, and describe it in the container."""
        cdef int code
        if self.muxer.context.oformat.flags & avformat.AVFMT_GLOBALHEADER:
            self.context.flags |= avcodec.AV_CODEC_FLAG_GLOBAL_HEADER
        with nogil:
            code = avcodec.avcodec_open2(self.context, self.codec, NULL)
        if code < 0:
            self.explain_refusal()
        self.muxer.check(code, f"open the encoder {self.codec_name}")
        code = avcodec.avcodec_parameters_from_context(self.stream.codecpar, self.context)
        self.muxer.check(code, "set stream parameters")
        self.stream.time_base = self.context.time_base
        return 0

    def explain_refusal(self):
        """Raise what is wrong with the choices of an encoder that did not open, if known."""

    @property
    def codec_name(self):
        """FFmpeg's name of the encoder."""
        return self.codec.name.decode()

    cdef int send(self, AVFrame *frame) noexcept nogil:
        """Encode a frame, or NULL at the end, and write the packets that come out; 0 or AVERROR."""
        cdef int code = avcodec.avcodec_send_frame(self.context, frame)
        while code >= 0:
            code = avcodec.avcodec_receive_packet(self.context, self.packet)
            if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF:
                return 0
            if code < 0:
                return code
            self.packet.stream_index = self.stream.index
            avcodec.av_packet_rescale_ts(self.packet, self.context.time_base, self.stream.time_base)
            code = self.muxer.write(self.packet)
        return code
