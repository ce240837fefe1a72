"""The index of a stream: its frames in display order, and the packets at which decoding may begin.
"""

import os
from fractions import Fraction

from cpython.buffer cimport PyBUF_WRITE
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport fabs, isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.error import FFmpegError, InstantError, StaleIndexError
from cycodec.core.search cimport first_above, first_at_least, partition_point
from cycodec.core.video.index_file import ANCHOR_FIELDS, pack_index, read_index, unpack_index, write_index
from cycodec.core.video.reorder cimport LARGEST_REORDER
from cycodec.core.video.stream_index cimport StreamIndex

from cycodec.libav cimport avcodec
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


# Packets by which a picture may be stored away from where it is shown: four times what H.264
# allows.
cdef int MAX_DISTANCE = 64
cdef double FLOAT32_STEP = 2.0 ** -23


cdef struct Instant:
    # The presentation times and the time base of an index, and an instant in seconds to compare
    # them with.
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
    """The frames of a video stream in display order.

    A decoder makes an index (``VideoDecoder(...).index``), also from ffprobe's output, and `load`
    reads a saved one. Frame numbers count from 0 in display order. Times are integers in units of
    `time_base` seconds.

    Attributes
    ----------
    confirmed : bool
        True if the packets left doubt about the frames, and a decoder has confirmed them.

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
        self.damaged = []

    def __dealloc__(self):
        free(self.pts_values)
        free(self.duration_values)
        free(self.anchors)
        free(self.headers)
        free(self.damaged_anchors)
        free(self.ordinals)
        free(self.numbers)

    cdef int allocate(self, int count, int num_anchors, int num_packets) except -1:
        self.pts_values = <int64_t *> malloc((count + 1) * sizeof(int64_t))
        self.duration_values = <int64_t *> malloc((count + 1) * sizeof(int64_t))
        self.anchors = <Anchor *> calloc(num_anchors + 1, sizeof(Anchor))
        self.damaged_anchors = <uint8_t *> calloc(num_anchors + 1, 1)
        if self.damaged_anchors == NULL:
            raise MemoryError()
        self.headers = <SequenceHeaders *> calloc(num_anchors + 1, sizeof(SequenceHeaders))
        if self.pts_values == NULL or self.duration_values == NULL or self.anchors == NULL or self.headers == NULL:
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

    # -- lookups -----------------------------------------------------------------------------------

    cdef double seconds(self, int64_t ticks) noexcept nogil:
        return <double> ticks * self.num / self.den

    cdef int first_at_or_after(self, int64_t pts) noexcept nogil:
        """Return the number of the first frame with at least this pts; the number of frames if
        there is none.
        """
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
        # Note [Float32 instants]: an instant that was rounded to float32 may lie outside of the
        # stream by half a step. Within one step of either end it still means the first or the last
        # frame.
        slack = fabs(seconds) * FLOAT32_STEP
        if low == 0:
            return 0 if self.count and seconds + slack >= self.seconds(self.pts_values[0]) else -1
        if low == self.count and seconds - slack > self.seconds(
            self.pts_values[low - 1] + self.duration_values[low - 1]
        ):
            return -1
        return low - 1

    # -- for readers -------------------------------------------------------------------------------

    cdef int64_t position_of_frame(self, const AVFrame *frame, int64_t outputs, int64_t reached,
                                   int64_t step) noexcept nogil:
        if self.from_start_only:
            return outputs
        if self.stamped:
            return self.number_of_stamp(frame.pts)
        return self.number_of_pts(frame.pts)

    cdef bint holds(self, const AVFrame *frame, int64_t came_out, int64_t position) noexcept nogil:
        return came_out == position

    cdef bint may_refer(self, int64_t position, int64_t damaged) noexcept nogil:
        if damaged <= position:
            return damaged >= self.anchors[self.anchor_of(<int> position)].first
        # a frame that is shown later and decoded earlier
        return self.reorder and damaged < self.count and (
            self.ordinals == NULL or self.ordinals[damaged] < self.ordinals[position]
        )

    cdef int shown_later(self, int64_t position) noexcept nogil:
        cdef int found = 0
        cdef int i
        for i in range(1, <int> min(LARGEST_REORDER, self.count - 1 - position) + 1):
            if self.may_refer(position, position + i):
                found = i
        return found

    cdef bint is_only(self, const Anchor *anchor) noexcept nogil:
        """Return True if no other anchor has a packet of the same size and digest."""
        cdef int i
        for i in range(self.num_anchors):
            if (
                &self.anchors[i] != anchor and self.anchors[i].digest == anchor.digest
                and self.anchors[i].size == anchor.size
            ):
                return False
        return True

    cdef int leading_pictures(self, int anchor) noexcept nogil:
        """Return how many pictures follow an anchor's packet and are shown before it; 0 if that is
        not known.
        """
        cdef int begin = self.anchors[anchor].ordinal + 1
        cdef int count = 0
        cdef int i
        if anchor == 0:
            return 0
        for i in range(begin, min(begin + MAX_DISTANCE, self.num_packets)):
            count += 0 <= self.numbers[i] < self.anchors[anchor].first
        return count

    def note_damage(self, numbers):
        """Remember which frames a pass over the whole stream has found damaged.

        Note [Known damage]: how a damaged picture is concealed may depend on all frames before it,
        and a picture that is shown earlier may refer to it. Frames that share an anchor with a
        damaged one are therefore read from the beginning, once the damage is known.
        """
        cdef int number, earlier
        self.damaged = list(numbers)
        for number in self.damaged:
            if not 0 <= number < self.count:
                continue
            for earlier in range(max(number - LARGEST_REORDER, 0), number + 1):
                if self.may_refer(earlier, number):
                    self.damaged_anchors[self.anchor_of(earlier)] = True

    cdef void note_doubt_from(self, int64_t number) noexcept nogil:
        """Note that the numbers of a frame and of all later ones may be wrong."""
        cdef int anchor
        for anchor in range(self.anchor_of(<int> number), self.num_anchors):
            self.damaged_anchors[anchor] = True
        self.needs_check = False

    cdef bint has_known_damage(self, int64_t position) noexcept nogil:
        return self.damaged_anchors[self.anchor_of(<int> position)]

    cdef bint is_decoded(self):
        return self.origin == "decoded"

    cdef bint is_confirmed(self) noexcept nogil:
        return self.confirmed

    cdef int64_t number_of_packet(self, const AVPacket *packet, int64_t ordinal) noexcept nogil:
        if self.stamped:
            return self.number_of_stamp(ordinal)
        # a packet that an edit list trims away may have the pts of a frame
        return -1 if packet.flags & avcodec.AV_PKT_FLAG_DISCARD else self.number_of_pts(packet.pts)

    cdef int64_t pts_of(self, int64_t position, const AVFrame *frame) noexcept nogil:
        return self.pts_values[position]

    cdef int64_t duration_of(self, int64_t position, const AVFrame *frame, int64_t step) noexcept nogil:
        return self.duration_values[position]

    # -- for users ---------------------------------------------------------------------------------

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
        """Return the number of the frame that is played at an instant: the one whose [pts, pts +
        duration) holds it.

        Parameters
        ----------
        seconds : float
            An instant up to one float32 step outside the stream counts as its first or last frame.

        Raises
        ------
        InstantError
            (an IndexError and a RuntimeError) The instant is outside the stream.
        ValueError
            The instant is NaN or infinite.
        """
        cdef double instant = seconds
        cdef int number
        if not isfinite(instant):
            raise ValueError(f"an instant must be a finite number of seconds, not {instant}")
        number = self.number_at(instant)
        if number < 0:
            raise InstantError(
                f"no frame is played at {instant:.6g} s: the stream runs from {self.begin_seconds:.6g} s "
                f"to {self.end_seconds:.6g} s" if self.count else "the stream has no frames"
            )
        return number

    def first_number_from(self, double seconds):
        """Return the number of the first frame that begins at or after an instant; `len(index)` if
        none does.
        """
        cdef Instant instant = Instant(self.pts_values, self.num, self.den, seconds)
        return partition_point(0, self.count, begins_before, &instant)

    # -- where a reader finds frames: the same questions as HeaderIndex answers --------------------

    @property
    def first_position(self):
        """Return a reader's position for the first frame."""
        return 0

    def position_of(self, number):
        """Return a reader's position for a frame number: the number itself."""
        return number

    def positions_of(self, numbers):
        """Return a reader's positions for several frame numbers: the numbers themselves."""
        return numbers

    def position_at(self, seconds):
        """Return a reader's position for the frame that is played at an instant; it raises what
        `index_at` raises.
        """
        return self.index_at(seconds)

    def numbers_played(self, start, stop):
        """Return the numbers of the frames that are played in [start, stop), in seconds: a range.
        """
        if start >= stop:
            return range(0)
        return range(self.index_at(start), self.first_number_from(stop))

    # -- times of frames ---------------------------------------------------------------------------

    def pts_seconds(self, int number):
        """Return when a frame begins, in seconds.

        Parameters
        ----------
        number : int
            Number of the frame, from 0.
        """
        return self.seconds(self.pts_values[self.checked(number)])

    def duration_seconds(self, int number):
        """Return how long a frame is played, in seconds.

        Parameters
        ----------
        number : int
            Number of the frame, from 0.
        """
        return self.seconds(self.duration_values[self.checked(number)])

    cdef int checked(self, int number) except -1:
        if not 0 <= number < self.count:
            raise IndexError(f"frame {number} is outside the stream of {self.count} frames")
        return number

    @property
    def time_base(self):
        """Seconds of one unit of `pts` and `durations`, as a Fraction."""
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
        """Numbers of the key frames, int64 array, rising.

        A key frame that an edit list trims away is not in it, though decoding begins there for the
        frames that follow it.
        """
        return self.shown_begins()["first"].astype("i8")

    @property
    def key_offsets(self):
        """Where the packets of `key_frames` begin in the source, in bytes; int64 array; -1 where
        that is unknown.
        """
        return self.shown_begins()["pos"].copy()

    def gop_begins(self):
        """Return where GOPs begin: the first frame of each that is shown, and the offset of its key
        packet in the source (-1 if that is unknown), as two int64 arrays.
        """
        begins = self.begins()
        return begins["first"].astype("i8"), begins["pos"].copy()

    cdef object shown_begins(self):
        """Return the anchors whose own frame is shown."""
        import numpy

        begins = self.begins()
        pts, numbers = self.pts, view_of(self.numbers, self.num_packets if self.stamped else 0, "i4")
        if not self.stamped:
            shown = begins["pts"] == pts[begins["first"]]
        elif len(numbers):
            shown = numbers[begins["ordinal"]] == begins["first"]
        else:
            shown = numpy.ones(len(begins), bool)
        return begins[shown]

    cdef object begins(self):
        """Return one anchor for each frame at which decoding may begin, as a structured array that
        rises.
        """
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
        """How a decoded frame is recognised: by its "pts", by the "stamp" (ordinal) of its packet,
        or by its "order".
        """
        return "order" if self.from_start_only else "stamp" if self.stamped else "pts"

    # -- saving ------------------------------------------------------------------------------------

    def to_bytes(self):
        """Return this index as bytes: a few bytes for each frame at most."""
        header = {
            "count": self.count, "anchors": self.num_anchors, "packets": self.num_packets if self.stamped else 0,
            "num": self.num, "den": self.den, "stamped": bool(self.stamped), "linear": bool(self.from_start_only),
            "reorder": self.reorder, "confirmed": bool(self.confirmed), "synthesized": bool(self.synthesized),
            "remembers": bool(self.changes_memory), "width": self.first_width, "height": self.first_height,
            "origin": self.origin, "stream_index": self.stream_index,
            "size": self.fingerprint[0] if self.fingerprint else None,
            "digest": self.fingerprint[1].hex() if self.fingerprint else None,
        }
        return pack_index(header, {
            "pts": self.pts, "durations": self.durations,
            "anchors": view_of(self.anchors, self.num_anchors, ANCHOR_FIELDS),
            "ordinals": view_of(self.ordinals, self.count if self.stamped else 0, "i4"),
        })

    @staticmethod
    def from_bytes(data, name="<bytes>"):
        """Return the index that `to_bytes` wrote.

        Parameters
        ----------
        data : bytes
        name : str
            The name of the source in errors.

        Raises
        ------
        InvalidDataError
            These are not the bytes of an index, they are damaged or of another version, or a value
            in them is not possible.
        """
        cdef FrameIndex index = FrameIndex()
        header, arrays = unpack_index(data, name)
        index.num, index.den = header["num"], header["den"]
        index.stamped, index.from_start_only = header["stamped"], header["linear"]
        index.reorder, index.confirmed = header["reorder"], header["confirmed"]
        index.synthesized, index.origin = header["synthesized"], header["origin"]
        index.stream_index, index.changes_memory = header["stream_index"], header["remembers"]
        index.first_width, index.first_height = header["width"], header["height"]
        if header["size"] is not None:
            index.fingerprint = (header["size"], bytes.fromhex(header["digest"]))
        index.allocate(header["count"], header["anchors"], header["packets"])
        index.copy_arrays(arrays)
        # a decoder that confirmed a scan has seen the first and the last GOP only
        index.needs_check = index.origin == "scan" or (index.origin == "headers" and not index.confirmed)
        return index

    cdef int copy_arrays(self, dict arrays) except -1:
        """Fill the allocated memory from arrays that `unpack_index` has checked."""
        cdef int i
        view_of(self.pts_values, self.count, "i8")[:] = arrays["pts"]
        view_of(self.duration_values, self.count, "i8")[:] = arrays["durations"]
        for name, _ in ANCHOR_FIELDS:
            view_of(self.anchors, self.num_anchors, ANCHOR_FIELDS)[name] = arrays[f"anchor {name}"]
        for i in range(self.num_packets):
            self.numbers[i] = -1
        if self.stamped and self.num_packets:
            view_of(self.ordinals, self.count, "i4")[:] = arrays["ordinals"]
            for i in range(self.count):
                self.numbers[self.ordinals[i]] = i
        return 0

    def save(self, path):
        """Write this index to a file, to be passed as ``VideoDecoder(source, index=path)`` later.

        A file of that name is replaced whole. A device or a pipe is written to.

        Parameters
        ----------
        path : str or os.PathLike
        """
        write_index(path, self.to_bytes())

    @staticmethod
    def load(path):
        """Return the index that `save` wrote; `VideoDecoder` checks whether it fits a source.

        Parameters
        ----------
        path : str or os.PathLike
        """
        return FrameIndex.from_bytes(read_index(path), os.fsdecode(path))

    def check_size(self, str name, size):
        """Raise StaleIndexError if a source has another number of bytes; None says nothing."""
        if self.fingerprint is None or size is None or size == self.fingerprint[0]:
            return
        raise StaleIndexError(
            f"{name}: the frame index is not of this file: it has {size} bytes now and had {self.fingerprint[0]} "
            "(make a new index with index.save)", source=name, operation="use index",
        )

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
        self.check_size(name, now[0])
        raise StaleIndexError(
            f"{name}: the frame index is not of this file: its beginning or end has changed (make a new index with "
            "index.save)", source=name, operation="use index",
        )

    def __reduce__(self):
        return FrameIndex.from_bytes, (self.to_bytes(),)

    def __eq__(self, other):
        return isinstance(other, FrameIndex) and self.to_bytes() == (<FrameIndex> other).to_bytes()

    __hash__ = None


cdef object array_of(const int64_t *values, int count):
    import numpy

    return numpy.frombuffer((<const char *> values)[:count * sizeof(int64_t)], dtype=numpy.int64)


cdef object view_of(void *memory, Py_ssize_t count, dtype):
    """Return a writable NumPy array over memory of an index."""
    import numpy

    dtype = numpy.dtype(dtype, align=True)
    size = dtype.itemsize
    if count == 0:
        return numpy.empty(0, dtype)
    return numpy.frombuffer(PyMemoryView_FromMemory(<char *> memory, count * size, PyBUF_WRITE), dtype=dtype)
