"""The index of a stream: its frames in the order in which they are shown, and the packets where decoding can begin."""

import json
import os
import struct
import zlib
from fractions import Fraction

from cpython.buffer cimport PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport fabs, isfinite
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.error import FFmpegError, InvalidDataError, StaleIndexError
from cycodec.core.search cimport first_above, first_at_least, partition_point
from cycodec.core.video.stream_index cimport StreamIndex

from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


# The fields of Anchor, and how often differences of each are taken before it is compressed.
ANCHOR_ORDERS = {
    "pts": 2, "dts": 2, "pos": 1, "sync_pos": 1, "first": 2, "ordinal": 2, "size": 0, "digest": 0,
}
ANCHOR_FIELDS = [
    ("pts", "i8"), ("dts", "i8"), ("pos", "i8"), ("sync_pos", "i8"), ("first", "i8"), ("ordinal", "i4"), ("size", "i4"),
    ("digest", "u4"),
]

cdef bytes MAGIC = b"CYCIDX"
cdef int VERSION = 1
# Packets by which a picture may be stored away from where it is shown: four times what H.264 allows.
cdef int MAX_DISTANCE = 64
cdef double FLOAT32_STEP = 2.0 ** -23


cdef struct Instant:
    # Presentation times, the time base, and an instant in seconds to compare them with.
    const int64_t *pts
    int num
    int den
    double seconds


cdef bint begins_before(const void *instant, int number) noexcept nogil:
    cdef const Instant *at = <const Instant *> instant
    return <double> at.pts[number] * at.num / at.den < at.seconds


cdef bint begins_up_to(const void *instant, int number) noexcept nogil:
    cdef const Instant *at = <const Instant *> instant
    return <double> at.pts[number] * at.num / at.den <= at.seconds


class IndexContradiction(FFmpegError):
    """The decoder did not give the frames that the index promised."""


cdef class FrameIndex(StreamIndex):
    """The frames of a video stream in the order in which they are shown.

    Made by a decoder (``VideoDecoder(...).index``), loaded from a file, or made from ffprobe's output. Numbers of frames
    count from 0 in presentation order. Times are integers in units of `time_base` seconds.

    Examples
    --------
    >>> index = VideoDecoder("video.mp4").index
    >>> index.save("video.idx")
    >>> VideoDecoder("video.mp4", index="video.idx")
    """

    def __cinit__(self):
        self.is_exact = True
        self.num = 1
        self.den = 1
        self.origin = ""
        self.stream_index = -1

    def __dealloc__(self):
        free(self.pts_values)
        free(self.duration_values)
        free(self.anchors)
        free(self.ordinals)
        free(self.numbers)

    cdef int allocate(self, int count, int num_anchors, int num_packets) except -1:
        self.pts_values = <int64_t *> malloc((count + 1) * sizeof(int64_t))
        self.duration_values = <int64_t *> malloc((count + 1) * sizeof(int64_t))
        self.anchors = <Anchor *> calloc(num_anchors + 1, sizeof(Anchor))
        if self.pts_values == NULL or self.duration_values == NULL or self.anchors == NULL:
            raise MemoryError()
        if num_packets:
            self.ordinals = <int32_t *> malloc((count + 1) * sizeof(int32_t))
            self.numbers = <int32_t *> malloc(num_packets * sizeof(int32_t))
            if self.ordinals == NULL or self.numbers == NULL:
                raise MemoryError()
        self.count = count
        self.num_anchors = num_anchors
        self.num_packets = num_packets
        return 0

    # -- lookups ----------------------------------------------------------------------------------------------------

    cdef double seconds(self, int64_t ticks) noexcept nogil:
        return <double> ticks * self.num / self.den

    cdef int first_at_or_after(self, int64_t pts) noexcept nogil:
        """Return the number of the first frame with at least this pts; the number of frames if there is none."""
        return first_at_least(self.pts_values, sizeof(int64_t), self.count, pts)

    cdef int number_of_pts(self, int64_t pts) noexcept nogil:
        cdef int number = self.first_at_or_after(pts)
        return number if number < self.count and self.pts_values[number] == pts else -1

    cdef int number_of_stamp(self, int64_t stamp) noexcept nogil:
        return self.numbers[stamp] if 0 <= stamp < self.num_packets else -1

    cdef int anchor_of(self, int number) noexcept nogil:
        """Return the last anchor from which a frame can be decoded."""
        cdef int after = first_above(&self.anchors[0].first, sizeof(Anchor), self.num_anchors, number)
        return after - 1 if after else 0

    cdef int number_at(self, double seconds) noexcept nogil:
        """Return the number of the frame that is played at an instant; -1 outside the stream."""
        cdef Instant instant = Instant(self.pts_values, self.num, self.den, seconds)
        cdef int low = partition_point(0, self.count, begins_up_to, &instant)
        cdef double slack
        # Note [Float32 instants]: an instant that went through float32 may have left the stream by half a step. Within
        # one step of either end it still means the first or the last frame.
        slack = fabs(seconds) * FLOAT32_STEP
        if low == 0:
            return 0 if self.count and seconds + slack >= self.seconds(self.pts_values[0]) else -1
        if low == self.count and seconds - slack > self.seconds(
            self.pts_values[low - 1] + self.duration_values[low - 1]
        ):
            return -1
        return low - 1

    # -- what a reader asks -----------------------------------------------------------------------------------------

    cdef int64_t position_of_frame(self, const AVFrame *frame, int64_t outputs, int64_t reached,
                                   int64_t step) noexcept nogil:
        if self.linear:
            return outputs
        if self.stamped:
            return self.number_of_stamp(frame.pts)
        return self.number_of_pts(frame.pts)

    cdef bint holds(self, const AVFrame *frame, int64_t came_out, int64_t position) noexcept nogil:
        return came_out == position

    cdef int leading_pictures(self, int anchor) noexcept nogil:
        """Return how many pictures follow an anchor's packet and are shown before it; 0 if that is not known."""
        cdef int begin = self.anchors[anchor].ordinal + 1
        cdef int count = 0
        cdef int i
        if anchor == 0:
            return 0
        for i in range(begin, min(begin + MAX_DISTANCE, self.num_packets)):
            count += 0 <= self.numbers[i] < self.anchors[anchor].first
        return count

    cdef bint is_decoded(self):
        return self.origin == "decoded"

    cdef bint is_confirmed(self) noexcept nogil:
        return self.confirmed

    cdef int64_t number_of_packet(self, const AVPacket *packet, int64_t ordinal) noexcept nogil:
        return self.number_of_stamp(ordinal) if self.stamped else self.number_of_pts(packet.pts)

    cdef int64_t pts_of(self, int64_t position, const AVFrame *frame) noexcept nogil:
        return self.pts_values[position]

    cdef int64_t duration_of(self, int64_t position, const AVFrame *frame, int64_t step) noexcept nogil:
        return self.duration_values[position]

    # -- what users ask ---------------------------------------------------------------------------------------------

    def __len__(self):
        return self.count

    def __repr__(self):
        if not self.count:
            return "FrameIndex(0 frames)"
        return (
            f"FrameIndex({self.count} frames, {self.num_anchors} key frames, "
            f"{self.begin_seconds:.6g} to {self.end_seconds:.6g} s, from {self.origin})"
        )

    def index_at(self, seconds):
        """The number of the frame that is played at an instant: the one whose [pts, pts + duration) holds it.

        Parameters
        ----------
        seconds : float
            An instant up to one float32 step outside the stream counts as its first or last frame.

        Raises
        ------
        IndexError
            The instant is outside the stream.
        ValueError
            The instant is NaN or infinite.
        """
        cdef double instant = seconds
        cdef int number
        if not isfinite(instant):
            raise ValueError(f"an instant must be a finite number of seconds, not {instant}")
        number = self.number_at(instant)
        if number < 0:
            raise IndexError(
                f"no frame is played at {instant:.6g} s: the stream runs from {self.begin_seconds:.6g} s "
                f"to {self.end_seconds:.6g} s" if self.count else "the stream has no frames"
            )
        return number

    def first_number_from(self, double seconds):
        """The number of the first frame that begins at or after an instant; `len(index)` if none does."""
        cdef Instant instant = Instant(self.pts_values, self.num, self.den, seconds)
        return partition_point(0, self.count, begins_before, &instant)

    # -- where a reader finds frames: the same questions as HeaderIndex answers ------------------------------------------

    @property
    def first_position(self):
        """A reader's position for the first frame."""
        return 0

    def position_of(self, number):
        """A reader's position for a frame number: the number itself."""
        return number

    def positions_of(self, numbers):
        """A reader's positions for several frame numbers: the numbers themselves."""
        return numbers

    def position_at(self, seconds):
        """A reader's position for the frame that is played at an instant; it raises what `index_at` raises."""
        return self.index_at(seconds)

    def numbers_played(self, start, stop):
        """The numbers of the frames that are played in [start, stop), in seconds: a range."""
        if start >= stop:
            return range(0)
        return range(self.index_at(start), self.first_number_from(stop))

    # -- times of frames --------------------------------------------------------------------------------------------

    def pts_seconds(self, int number):
        """When a frame begins, in seconds."""
        return self.seconds(self.pts_values[self.checked(number)])

    def duration_seconds(self, int number):
        """How long a frame is played, in seconds."""
        return self.seconds(self.duration_values[self.checked(number)])

    cdef int checked(self, int number) except -1:
        if not 0 <= number < self.count:
            raise IndexError(f"frame {number} is outside the stream of {self.count} frames")
        return number

    @property
    def time_base(self):
        """Seconds of one unit of `pts` and `durations`, a Fraction."""
        return Fraction(self.num, self.den)

    @property
    def pts(self):
        """Presentation times, int64 array of shape (len,), rising."""
        return array_of(self.pts_values, self.count)

    @property
    def durations(self):
        """How long each frame is played, int64 array of shape (len,)."""
        return array_of(self.duration_values, self.count)

    @property
    def key_frames(self):
        """Numbers of the frames at which decoding can begin, int64 array, rising."""
        return self.begins()["first"].astype("i8")

    @property
    def key_offsets(self):
        """Where their packets begin in the source, in bytes: int64 array; -1 where the container does not tell."""
        return self.begins()["pos"].copy()

    cdef object begins(self):
        """The anchors that have a frame, one for each, as a structured array that rises."""
        import numpy

        anchors = view_of(self.anchors, self.num_anchors, ANCHOR_FIELDS)
        anchors = anchors[anchors["first"] < self.count]
        return anchors[numpy.unique(anchors["first"], return_index=True)[1]]

    @property
    def begin_seconds(self):
        """When the first frame begins; 0.0 for an empty stream."""
        return self.seconds(self.pts_values[0]) if self.count else 0.0

    @property
    def end_seconds(self):
        """When the last frame ends; 0.0 for an empty stream."""
        if not self.count:
            return 0.0
        return self.seconds(self.pts_values[self.count - 1] + self.duration_values[self.count - 1])

    @property
    def identity(self):
        """How a decoded frame is known: by its "pts", by the "stamp" its packet was given, or by its "order"."""
        return "order" if self.linear else "stamp" if self.stamped else "pts"

    # -- saving -----------------------------------------------------------------------------------------------------

    def to_bytes(self):
        """This index as bytes: a version, a checksum, and compressed differences (a few bytes a frame at most)."""
        header = {
            "count": self.count, "anchors": self.num_anchors, "packets": self.num_packets if self.stamped else 0,
            "num": self.num, "den": self.den, "stamped": bool(self.stamped), "linear": bool(self.linear),
            "reorder": self.reorder, "confirmed": bool(self.confirmed), "synthesized": bool(self.synthesized),
            "origin": self.origin, "stream_index": self.stream_index,
            "size": self.fingerprint[0] if self.fingerprint else None,
            "digest": self.fingerprint[1].hex() if self.fingerprint else None,
        }
        anchors = view_of(self.anchors, self.num_anchors, ANCHOR_FIELDS)
        arrays = [differences(self.pts, 2), differences(self.durations, 1)]
        arrays += [differences(anchors[name], order) for name, order in ANCHOR_ORDERS.items()]
        if self.stamped:
            arrays.append(differences(view_of(self.ordinals, self.count, "i4"), 2))
        text = json.dumps(header).encode()
        payload = zlib.compress(struct.pack("<I", len(text)) + text + b"".join(arrays), 6)
        return MAGIC + struct.pack("<HI", VERSION, zlib.crc32(payload)) + payload

    @staticmethod
    def from_bytes(data, name="<bytes>"):
        """The index that `to_bytes` wrote.

        Raises
        ------
        InvalidDataError
            These are not the bytes of an index, or they are damaged, or of another version.
        """
        cdef FrameIndex index = FrameIndex()
        cdef int i
        try:
            if data[:6] != MAGIC:
                raise ValueError("it does not begin like one")
            version, checksum = struct.unpack_from("<HI", data, 6)
            if version != VERSION:
                raise ValueError(f"it has version {version}, this cycodec reads version {VERSION}")
            if zlib.crc32(data[12:]) != checksum:
                raise ValueError("its checksum does not match: it is damaged or cut off")
            payload = zlib.decompress(data[12:])
            (length,) = struct.unpack_from("<I", payload)
            header = json.loads(payload[4:4 + length])
            count, anchors, packets = header["count"], header["anchors"], header["packets"]
            sizes = [8 * count] * 2 + [8 * anchors] * len(ANCHOR_ORDERS) + [8 * count] * bool(header["stamped"])
            if len(payload) != 4 + length + sum(sizes):
                raise ValueError("its arrays have the wrong length")
        except (ValueError, KeyError, struct.error, zlib.error) as reason:
            raise InvalidDataError(
                f"{name} is no usable frame index: {reason} (make a new one with index.save or `cycodec index`)",
                source=str(name), operation="load index",
            ) from None
        parts = []
        offset = 4 + length
        for size in sizes:
            parts.append(payload[offset:offset + size])
            offset += size
        index.num, index.den = header["num"], header["den"]
        index.allocate(count, anchors, packets)
        view_of(index.pts_values, count, "i8")[:] = sums(parts[0], 2)
        view_of(index.duration_values, count, "i8")[:] = sums(parts[1], 1)
        for part, (name, order) in zip(parts[2:], ANCHOR_ORDERS.items()):
            view_of(index.anchors, anchors, ANCHOR_FIELDS)[name] = sums(part, order)
        if header["stamped"]:
            view_of(index.ordinals, count, "i4")[:] = sums(parts[2 + len(ANCHOR_ORDERS)], 2)
            for i in range(packets):
                index.numbers[i] = -1
            for i in range(count):
                if 0 <= index.ordinals[i] < packets:
                    index.numbers[index.ordinals[i]] = i
        index.stamped, index.linear = header["stamped"], header["linear"]
        index.reorder, index.confirmed = header["reorder"], header["confirmed"]
        index.synthesized, index.origin = header["synthesized"], header["origin"]
        index.stream_index = header["stream_index"]
        if header["size"] is not None:
            index.fingerprint = (header["size"], bytes.fromhex(header["digest"]))
        return index

    def save(self, path):
        """Write this index to a file, to be passed as ``VideoDecoder(source, index=path)`` later."""
        data = self.to_bytes()
        temporary = f"{os.fspath(path)}.{os.getpid()}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    @staticmethod
    def load(path):
        """The index that `save` wrote; whether it fits a source is checked when a decoder is made with it."""
        with open(path, "rb") as file:
            return FrameIndex.from_bytes(file.read(), os.fspath(path))

    def check_source(self, Demuxer demuxer not None, int stream_index):
        """Raise StaleIndexError unless the source is the one that this index was made from."""
        name = demuxer.io.name
        if self.stream_index >= 0 and self.stream_index != stream_index:
            raise StaleIndexError(
                f"{name}: the frame index is of stream {self.stream_index}, not of stream {stream_index} "
                f"(pass stream_index={self.stream_index}, or make an index of stream {stream_index})",
                source=name, operation="use index",
            )
        if self.fingerprint is None:
            return
        now = demuxer.fingerprint()
        if now is None or tuple(now) == tuple(self.fingerprint):
            return
        changed = (
            f"it has {now[0]} bytes now and had {self.fingerprint[0]}" if now[0] != self.fingerprint[0]
            else "its beginning or end has changed"
        )
        raise StaleIndexError(
            f"{name}: the frame index is not of this file: {changed} (make a new index with index.save)",
            source=name, operation="use index",
        )

    def __reduce__(self):
        return FrameIndex.from_bytes, (self.to_bytes(),)

    def __eq__(self, other):
        return isinstance(other, FrameIndex) and self.to_bytes() == (<FrameIndex> other).to_bytes()

    __hash__ = None


cdef object array_of(const int64_t *values, int count):
    import numpy

    return numpy.frombuffer((<const char *> values)[:count * sizeof(int64_t)], dtype=numpy.int64)


cdef bytes differences(values, int order):
    """Differences of an array of integers, taken `order` times: mostly zeros for steady frame rates."""
    import numpy

    values = values.astype(numpy.int64)
    for _ in range(order):
        values = numpy.diff(values, prepend=numpy.int64(0))
    return values.astype("<i8").tobytes()


cdef object sums(bytes data, int order):
    """The array whose differences these are."""
    import numpy

    values = numpy.frombuffer(data, dtype="<i8").astype(numpy.int64)
    for _ in range(order):
        values = numpy.cumsum(values, dtype=numpy.int64)
    return values


cdef object view_of(void *memory, Py_ssize_t count, dtype):
    """A writable NumPy array over memory of an index."""
    import numpy

    dtype = numpy.dtype(dtype, align=True)
    size = dtype.itemsize
    if count == 0:
        return numpy.empty(0, dtype)
    return numpy.frombuffer(PyMemoryView_FromMemory(<char *> memory, count * size, PyBUF_WRITE), dtype=dtype)
