"""PCM in RIFF, RF64 and BW64 ("WAV") files: a header, and samples at places that can be computed.

Only the bytes of a request are read. Files of anything but plain little-endian PCM of 8 to 64 bits
raise NotPlainWav, and FFmpeg reads them.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.core.bitstream.little_endian cimport little32, little64
from cycodec.core.io.byte_store cimport MemoryBytes
from cycodec.core.io.local_file cimport LocalFile
from cycodec.core.io.source cimport IOContext

from cycodec.core.error import InvalidDataError

from cycodec.libav cimport avutil


cdef extern from "sound/pcm.h" nogil:
    enum PcmKind:
        PCM_U8
        PCM_S16
        PCM_S24
        PCM_S32
        PCM_F32
        PCM_F64
    void pcm_to_float(PcmKind kind, const uint8_t *data, int channels, ssize_t frames, float *out,
                      ssize_t stride)


cdef enum:
    BLOCK_BYTES = 1 << 17       # read from a file in one piece
    BLOCK_SAMPLES = 1024        # of one block for the resampler; it stays in the first cache
    PROBE_BYTES = 6144 + 64     # of the samples are searched: a burst of AC-3, and what follows
    MAX_CHUNKS = 1000           # chunk headers read before a file is given up
    FEW_SAMPLES = 4096          # converting fewer takes less time than releasing the GIL

# The last 14 bytes of a WAVE_FORMAT_EXTENSIBLE sub-format whose first two are a plain format code.
cdef const char *SUBFORMAT_TAIL = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"

CODECS = {
    PCM_U8: ("pcm_u8", "u8"), PCM_S16: ("pcm_s16le", "s16"), PCM_S24: ("pcm_s24le", "s32"),
    PCM_S32: ("pcm_s32le", "s32"), PCM_F32: ("pcm_f32le", "flt"), PCM_F64: ("pcm_f64le", "dbl"),
}


class NotPlainWav(InvalidDataError):
    """The source is no WAV file, or none of plain PCM."""


cdef class WavReader(BlockReader):
    """The samples of a PCM WAV file.

    Parameters
    ----------
    io : IOContext
        The source.
    sample_rate, num_channels : int
        Of the output; 0 takes the file's own.

    Raises
    ------
    NotPlainWav
        The source is no WAV file of plain PCM. FFmpeg may be able to read it.
    """

    def __cinit__(self, IOContext io not None, **output):
        self.io = io
        self.source = io.name
        io.open_bytes()
        if isinstance(io.store, MemoryBytes):
            self.memory = (<MemoryBytes> io.store).data + io.place.base
        with nogil:
            self.size = io.byte_size()
        io.check(0, "read")
        if self.size < 0:
            raise self.refusal("it is a stream of unknown length")
        self.parse()

    def __dealloc__(self):
        free(self.raw)
        free(self.block)
        free(self.block_planes)

    def forget(self):
        """Do nothing: this reader owns no native objects besides its memory."""

    # -- bytes ------------------------------------------------------------------------------------

    cdef int64_t fetch(self, int64_t offset, uint8_t *out, int64_t count) noexcept nogil:
        """Read up to `count` bytes; return how many there were, or AVERROR."""
        cdef int64_t done = 0
        cdef int64_t got
        count = max(0, min(count, self.size - offset))
        if self.memory != NULL:
            memcpy(out, self.memory + offset, count)
            return count
        if offset + count <= self.head_size:
            memcpy(out, self.head + offset, count)
            return count
        while done < count:
            got = self.io.read_at(offset + done, out + done, count - done)
            if got < 0:
                return got
            if got == 0:
                break
            done += got
        self.bytes_read += done
        return done

    cdef int64_t look(self, int64_t offset, uint8_t *out, int64_t count) except -1:
        """Call `fetch` without the GIL, and raise its error."""
        cdef int64_t got
        with nogil:
            got = self.fetch(offset, out, count)
        if got < 0:
            self.check(<int> got)
        return got

    cdef int check(self, int code) except -1:
        if self.unconvertible:
            return BlockReader.check(self, code)
        return self.io.check(code, "read samples")

    # -- header -----------------------------------------------------------------------------------

    cdef int parse(self) except -1:
        """Read the header, and set the reader up for what it says."""
        if self.memory == NULL:
            self.head_size = self.look(0, self.head, HEAD_BYTES)
        self.read_chunks()
        self.native.sample_format = avutil.AV_SAMPLE_FMT_FLTP
        self.input.sample_format = avutil.AV_SAMPLE_FMT_FLTP
        self.input.rate = self.rate
        self.input.channels = self.channels
        self.input.mask = self.mask
        self.check(self.set_native())
        if self.is_plain:
            self.total = self.num_samples
        elif self.kind == PCM_F64:
            raise self.refusal("64-bit samples are resampled in double precision")
        return 0

    cdef int read_chunks(self) except -1:
        """Read the chunks up to the samples."""
        cdef uint8_t header[24]
        cdef int64_t offset = 12
        cdef int64_t long_data = -1
        cdef int64_t length, available
        if self.look(0, header, 12) < 12 or memcmp(header + 8, b"WAVE", 4):
            raise self.refusal("it does not begin with a RIFF header of type WAVE")
        if memcmp(header, b"RIFF", 4) and memcmp(header, b"RF64", 4) and memcmp(header, b"BW64", 4):
            raise self.refusal("it is neither RIFF, RF64 nor BW64")
        for _ in range(MAX_CHUNKS):
            if self.look(offset, header, 8) < 8:
                raise self.refusal("it has no data chunk")
            length = little32(header + 4)
            offset += 8
            if memcmp(header, b"ds64", 4) == 0:
                if length >= 24 and self.look(offset, header, 24) == 24:
                    long_data = <int64_t> little64(header + 8)
            elif memcmp(header, b"fmt ", 4) == 0:
                self.read_format(offset, length)
            elif memcmp(header, b"data", 4) == 0:
                break
            offset += length + (length & 1)
        else:
            raise self.refusal(f"there is no data chunk among the first {MAX_CHUNKS}")
        if self.channels == 0:
            raise self.refusal("the data chunk comes before the format chunk")
        available = max(0, self.size - offset)
        if length == 0xFFFFFFFF and long_data > 0:
            length = long_data
        elif length == 0 or length == 0xFFFFFFFF:
            # the program that wrote the file could not go back: samples reach to its end
            length = available
        self.data_offset = offset
        self.num_samples = min(length, available) // (self.channels * self.width)
        if self.kind == PCM_S16 and self.holds_compressed(min(length, available)):
            raise self.refusal("its samples look like a compressed stream (IEC 61937, DTS or AC-3)")
        return 0

    cdef bint holds_compressed(self, int64_t length) except -1:
        """Return True if the 16-bit samples seem to be AC-3, DTS or the like, as S/PDIF carries
        them.
        """
        cdef uint8_t *data
        length = min(length, PROBE_BYTES)
        if self.memory != NULL:
            return has_sync_word(self.memory + self.data_offset, length)
        if not isinstance(self.io.store, LocalFile):
            length = min(length, max(0, self.head_size - self.data_offset))     # no further request
        data = <uint8_t *> malloc(PROBE_BYTES)
        if data == NULL:
            raise MemoryError()
        try:
            return has_sync_word(data, self.look(self.data_offset, data, length))
        finally:
            free(data)

    cdef int read_format(self, int64_t offset, int64_t length) except -1:
        cdef uint8_t data[40]
        cdef int64_t got = self.look(offset, data, min(length, 40))
        cdef int code, bits, valid, align
        if got < 16:
            raise self.refusal("its format chunk is cut off")
        code = data[0] | data[1] << 8
        self.channels = data[2] | data[3] << 8
        self.rate = <int> min(little32(data + 4), <uint32_t> 0x7FFFFFFF)
        bits = data[14] | data[15] << 8
        valid = bits
        if code == 0xFFFE and got >= 40:
            valid = data[18] | data[19] << 8
            self.mask = little32(data + 20)
            code = data[24] | data[25] << 8 if memcmp(data + 26, SUBFORMAT_TAIL, 14) == 0 else -1
        align = data[12] | data[13] << 8
        if code == 1 and self.channels and 0 < bits <= 32 and align % self.channels == 0:
            # integers of fewer valid bits are stored in the upper bits of larger ones
            bits = max(bits, min(align // self.channels, 4) * 8)
        self.width = bits // 8
        if self.channels == 0 or self.rate == 0:
            raise self.refusal(f"its header says {self.channels} channels at {self.rate} Hz")
        if code == 1 and bits in (8, 16, 24, 32):
            self.kind = (PCM_U8, PCM_S16, PCM_S24, PCM_S32)[self.width - 1]
        elif code == 3 and bits in (32, 64) and valid in (0, bits):
            self.kind = PCM_F32 if bits == 32 else PCM_F64
        else:
            raise self.refusal(f"format {code:#x} with {bits} bits is not plain PCM")
        if valid > bits or align != self.channels * self.width:
            raise self.refusal("its samples are padded")
        return 0

    def refusal(self, why):
        """Return the exception for a file that FFmpeg must read."""
        return NotPlainWav(
            f"{self.source} is not a WAV file of plain PCM: {why} (AudioDecoder reads what FFmpeg can)",
            source=self.source, operation="read header",
        )

    @property
    def is_plain(self):
        """True if samples are returned as they are stored, neither resampled nor remixed."""
        return self.sample_rate == self.rate and self.num_channels == self.channels

    def begin_seconds(self):
        return 0.0

    def format_info(self):
        """Return what the header says, under the names of AudioStreamMetadata."""
        codec, sample_format = CODECS[self.kind]
        return {
            "sample_rate": self.rate,
            "num_channels": self.channels,
            "sample_format": sample_format,
            "codec": codec,
            "bit_rate": float(self.rate) * self.channels * self.width * 8,
            "duration_seconds_from_header": self.num_samples / self.rate,
            "begin_stream_seconds_from_header": None,
            "stream_index": 0,
            "media_type": "audio",
            "encoder_delay": None,
            "encoder_padding": None,
        }

    def needs_index(self):
        return False

    def learn(self):
        """Do nothing: the place of every sample is known."""

    def near_end(self):
        return <object> self.num_samples * self.sample_rate // self.rate

    # -- samples ----------------------------------------------------------------------------------

    cdef int copy(self, int64_t start, int64_t count, float *out, int64_t stride) noexcept nogil:
        """Write samples [start, start + count) to one row of float32 per channel; 0 or AVERROR."""
        cdef int frame_bytes = self.channels * self.width
        cdef int64_t step = max(1, BLOCK_BYTES // frame_bytes)
        cdef int64_t done = 0
        cdef int64_t part, got
        cdef const uint8_t *first
        if self.memory != NULL:
            first = self.memory + self.data_offset + start * frame_bytes
            pcm_to_float(<PcmKind> self.kind, first, self.channels, count, out, stride)
            return 0
        if self.raw == NULL:
            self.raw = <uint8_t *> malloc(step * frame_bytes)
            if self.raw == NULL:
                return avutil.AVERROR(ENOMEM)
        while done < count:
            if self.io.watch.is_interrupted():
                return avutil.AVERROR_EXIT
            part = min(step, count - done)
            got = self.fetch(self.data_offset + (start + done) * frame_bytes, self.raw, part * frame_bytes)
            if got < 0:
                return <int> got
            if got < part * frame_bytes:
                return avutil.AVERROR_EOF       # the file has become shorter since it was opened
            pcm_to_float(<PcmKind> self.kind, self.raw, self.channels, part, out + done, stride)
            done += part
        return 0

    def read_into(self, int64_t start, int64_t stop, size_t pointer, int64_t stride):
        """See BlockReader.read_into. Plain samples are written without a block in between."""
        cdef int code
        if not self.is_plain:
            return BlockReader.read_into(self, start, stop, pointer, stride)
        stop = min(stop, self.num_samples)
        if stop <= start:
            return 0
        if stop - start < FEW_SAMPLES and self.memory != NULL:
            code = self.copy(start, stop - start, <float *> pointer, stride)
        else:
            with nogil:
                code = self.copy(start, stop - start, <float *> pointer, stride)
        if code < 0:
            self.check(code)
        return stop - start

    cdef int next_input(self) noexcept nogil:
        cdef int64_t size = BLOCK_SAMPLES
        cdef int i
        if self.cursor >= self.num_samples:
            return avutil.AVERROR_EOF
        if self.block == NULL:
            self.block = <float *> malloc(size * self.channels * sizeof(float))
            self.block_planes = <uint8_t **> malloc(self.channels * sizeof(uint8_t *))
            if self.block == NULL or self.block_planes == NULL:
                return avutil.AVERROR(ENOMEM)
            for i in range(self.channels):
                self.block_planes[i] = <uint8_t *> (self.block + i * size)
        self.data = self.block_planes
        self.block_start = self.cursor
        self.block_length = min(size, self.num_samples - self.cursor)
        self.cursor += self.block_length
        return self.copy(self.block_start, self.block_length, self.block, size)

    cdef int begin_at(self, int64_t position) noexcept nogil:
        self.cursor = position
        return 0


cdef bint has_sync_word(const uint8_t *data, int64_t size) noexcept nogil:
    """Return True if 16-bit samples hold a sync word of IEC 61937 or of DTS, or begin with one of
    AC-3.
    """
    cdef int64_t at = 0
    cdef uint32_t word
    while at + 2 <= size and data[at] == 0 and data[at + 1] == 0:
        at += 2
    if at + 2 <= size and (data[at] == 0x0B and data[at + 1] == 0x77 or data[at] == 0x77 and data[at + 1] == 0x0B):
        return True
    while at + 4 <= size:
        word = little32(data + at)
        if word == 0x4E1FF872 or word == 0x1F4E72F8:
            return True     # IEC 61937-1, section 6.1.7: Pa and Pb
        if word == <uint32_t> 0x80017FFE or word == 0x0180FE7F or word == <uint32_t> 0xE8001FFF or word == 0x00E8FF1F:
            return True     # ETSI TS 102 114, section 5.3.1: DTS in words of 16 or 14 bits
        at += 2
    return False
