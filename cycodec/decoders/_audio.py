"""AudioDecoder and WavDecoder: audio as tensors. They are public in cycodec.decoders."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cycodec._audio.session import AudioOptions, AudioSession
from cycodec._shared import torch_adapter
from cycodec._shared.argument_errors import ArgumentError, IndexTypeError
from cycodec._shared.arguments import INT32_MAX, as_integer, one_of, optional_integer
from cycodec._shared.decoder_base import DecoderBase, KeptMetadata
from cycodec._shared.keys import slice_bounds
from cycodec._shared.limits import current
from cycodec._shared.metadata import AudioStreamMetadata, audio_metadata
from cycodec._shared.results import AudioSamples
from cycodec._shared.sources import Source, make_access
from cycodec._shared.time_keys import instant

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

    from cycodec.core.audio.sample_reader import SampleReader
    from cycodec.core.audio.wav import WavReader
    from cycodec.core.io.local_file import Identity

__all__ = ["AudioDecoder", "WavDecoder"]


class SampleIndexing(DecoderBase):
    """What AudioDecoder and WavDecoder share: everything but their arguments."""

    _session: AudioSession

    def _open(self, source: Source, options: AudioOptions, identity: Identity | None = None) -> None:
        self._session = AudioSession(source, options, identity)
        self._kept = KeptMetadata(audio_metadata)

    # -- facts ------------------------------------------------------------------------------------

    @property
    def metadata(self) -> AudioStreamMetadata:
        """What is known about the stream.

        Every access returns the same object. It is updated when the decoder learns more, and keeps
        the attributes that a user sets. ``dataclasses.asdict`` returns all values, ready for JSON.

        Returns
        -------
        AudioStreamMetadata
            ``encoder_padding`` is None until the end of the stream was read.

        Raises
        ------
        ClosedError
            The decoder was closed before the first access.
        """
        metadata: AudioStreamMetadata | None = self._kept.metadata
        if metadata is None or (metadata.encoder_padding is None and not self._session.closed):
            metadata = self._kept.of(self._session.describe())
        return metadata

    @property
    def stream_index(self) -> int:
        """Number of the stream among all streams of the container."""
        return self._session.stream_index

    def __len__(self) -> int:
        """Return the number of samples of each channel, at the output sample rate.

        The header of a WAV file says it. For other files the decoder decodes the end of the stream
        once.
        """
        return self._session.count()

    def __repr__(self) -> str:
        session = self._session
        channels = f"{session.num_channels} channel{'s' * (session.num_channels != 1)}"
        state = "closed" if session.closed else f"{channels} at {session.sample_rate} Hz"
        return f"{type(self).__name__}({session.name!r}, {state})"

    def close(self) -> None:
        """Free the file and the codec. Later use raises ClosedError; tensors stay valid."""
        self._session.close()

    def __cycodec_samples__(self) -> SampleReader | WavReader:
        """Return the reader for C code; see ``decoder_samples`` in core/capi/samples.pyx."""
        self._session.count()
        return self._session.reader

    def __enter__(self) -> Self:
        self._session.check_open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        session = self._session
        return (
            _unpickle,
            (type(self), session.io.picklable_origin(), session.options, session.io.identity),
            self._additions(),
        )

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """The holes in the stream's timestamps, as pairs (start_seconds, stop_seconds).

        Packets are missing there: they were lost, or never sent (silence, a pause of a recording).
        With ``gaps="silence"`` the samples of a hole are zeros, with ``gaps="skip"`` there are
        none. The first access may read all packets of the file.
        """
        return self._session.gaps()

    # -- samples by number ------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        """Samples by a NumPy-style key: the same as ``get_all_samples().data[:, key]``.

        Only the part of the stream that the key needs is decoded.

        Parameters
        ----------
        key : int, slice, ``...``, or list, array or tensor of integers or booleans
            Numbers of samples at the output sample rate. Negative numbers count from the end.

        Returns
        -------
        torch.Tensor
            float32. An integer gives shape ``[num_channels]``, a slice ``[num_channels, n]``, and
            an array ``[num_channels, *array.shape]``.

        Raises
        ------
        IndexError
            A sample is outside the stream, or a mask has another length than the stream.
        TypeError
            The key has another type.
        ClosedError
            The decoder is closed.
        """
        if key is Ellipsis:
            key = slice(None)
        try:
            if isinstance(key, slice):
                return self._slice(key)
            number = None if hasattr(key, "ndim") else as_integer(key)
            return self._gather(key) if number is None else self._one(number)
        except IndexError as error:
            self._session.name_source(error)
            raise

    def __iter__(self) -> Any:
        raise TypeError("an audio decoder is not iterable (iterate over decoder.chunks(seconds))")

    def _slice(self, key: slice) -> Tensor:
        key = slice_bounds(key)
        start, stop, step = key.start, key.stop, 1 if key.step is None else key.step
        if step == 1 and (start or 0) >= 0 and (stop is None or stop >= 0):
            return self._session.read(start or 0, stop)
        chosen = range(len(self))[key]
        if not chosen:
            return self._session.read(0, 0)
        low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1
        data = self._session.read(low, high)
        if step < 0:
            data = data.flip(1)
        return data if abs(step) == 1 else data[:, :: abs(step)].contiguous()

    def _one(self, index: int) -> Tensor:
        position = index if index >= 0 else index + len(self)
        data = self._session.read(position, position + 1) if position >= 0 else None
        if data is None or data.shape[1] == 0:
            raise IndexError(f"sample {index} is out of bounds: the stream has {len(self)} samples")
        return data[:, 0]

    def _gather(self, key: Any) -> Tensor:
        if (
            isinstance(key, (str, bytes, bytearray, set, frozenset, dict, tuple, bool, np.bool_))
            or key is None
        ):
            raise IndexTypeError(f"samples cannot be indexed by {type(key).__name__}")
        array = torch_adapter.to_numpy(key) if torch_adapter.is_tensor(key) else np.asarray(key)
        if array.size == 0 and not hasattr(key, "dtype"):
            array = array.astype(np.int64)
        if array.dtype.kind not in "iub":
            raise IndexTypeError(
                f"samples are indexed by integers, slices and masks, not by {array.dtype} (.t takes seconds)"
            )
        if array.ndim == 0:
            return self._one(int(array))
        length = len(self)
        if array.dtype.kind == "b":
            if array.shape != (length,):
                raise IndexError(f"a boolean mask of shape {array.shape} did not match the {length} samples")
            array = array.nonzero()[0]
        array = array.astype(np.int64, copy=False)
        outside = (array < -length) | (array >= length)
        if outside.any():
            raise IndexError(f"sample {array[outside][0]} is out of bounds: the stream has {length} samples")
        wanted, places = np.unique(np.where(array < 0, array + length, array), return_inverse=True)
        if wanted.size == 0:
            return self._session.read(0, 0).reshape(self._session.num_channels, *array.shape)
        # One read covers samples that are close together. Samples between distant ones are skipped.
        parts = []
        for run in np.split(wanted, np.nonzero(np.diff(wanted) > self._session.sample_rate)[0] + 1):
            data = self._session.read(int(run[0]), int(run[-1]) + 1)
            parts.append(data[:, torch_adapter.from_numpy(run - run[0])])
        chosen = torch_adapter.concatenate(parts, 1)[:, torch_adapter.from_numpy(places.reshape(-1))]
        return chosen.reshape(-1, *array.shape)

    # -- samples by time --------------------------------------------------------------------------

    @property
    def t(self) -> TimeIndexing:
        """Samples by time, in seconds on the stream's own timeline.

        ``decoder.t[0.5:1.5]`` is float32 ``[num_channels, n]``, and ``decoder.t[0.5]`` is the one
        sample played at that time, ``[num_channels]``.
        """
        return TimeIndexing(self)

    def get_all_samples(self) -> AudioSamples:
        """All samples of the stream: those that ``ffmpeg -i FILE -f f32le -`` gives.

        Returns
        -------
        AudioSamples
            ``data`` is float32 ``[num_channels, num_samples]``, in [-1, 1] unless the file exceeds
            that.

        Raises
        ------
        ClosedError
            The decoder is closed.
        FFmpegError
            The source cannot be read, or the samples cannot be converted.
        """
        return self._samples(0, None)

    def get_samples_played_in_range(
        self, start_seconds: float = 0.0, stop_seconds: float | None = None
    ) -> AudioSamples:
        """Samples between two times of the stream's own timeline.

        Sample i is played at ``begin_stream_seconds + i / sample_rate``; with ``gaps="skip"``,
        later by the holes before it. Both times are rounded to the nearest sample, so windows that
        share a bound share no sample and leave none out.

        Parameters
        ----------
        start_seconds : float
            Time of the first sample, in seconds. A time before the stream stands for its beginning.
        stop_seconds : float, optional
            Time at which the window ends, in seconds; the sample played then is excluded. None, and
            times after the end of the stream, read up to the end. The time of the start gives an
            empty window.

        Returns
        -------
        AudioSamples
            ``data`` is float32 ``[num_channels, num_samples]``, ``pts_seconds`` is the time of its
            first sample.

        Raises
        ------
        ValueError
            A time is NaN or infinite, the stop is before the start, the range ends before the first
            sample, or it starts at or after the end of the stream; the last two are a RuntimeError,
            too.
        TypeError
            A time is no number.
        ClosedError
            The decoder is closed.
        """
        start, stop = self._range(start_seconds, stop_seconds)
        samples = self._samples(start, stop)
        if samples.data.shape[1] == 0 and stop != start:
            self._refuse_start(start_seconds, start)
        return samples

    def _range(self, start_seconds: Any, stop_seconds: Any) -> tuple[int, int | None]:
        """Return the samples [start, stop) of a time range; a stop of None is the end."""
        session = self._session
        begin = instant(start_seconds, "start_seconds")
        start = max(session.position_at(begin), 0)
        if stop_seconds is None:
            return start, None
        end = instant(stop_seconds, "stop_seconds")
        if end < begin:
            raise ValueError(
                f"{session.name}: the time range runs backwards: it starts at {begin} s and stops at {end} s"
            )
        if begin < end <= session.begin_seconds:
            raise ArgumentError(
                f"{session.name}: the time range ends at {end} s, before the first sample, which is played at "
                f"{session.begin_seconds} s"
            )
        return start, max(session.position_at(end), start)

    def _refuse_start(self, start_seconds: float, start: int) -> None:
        """Raise if a time range that has no samples starts behind the end."""
        length = len(self)
        if start >= length > 0:
            raise ArgumentError(
                f"{self._session.name}: the time range starts at {start_seconds} s, at or after the end of "
                f"the stream at {self._session.seconds_at(length)} s"
            )

    def chunks(self, seconds: float) -> Iterator[AudioSamples]:
        """Return an iterator over all samples, in windows of equal length.

        The windows follow each other without gap or overlap; the last one may be shorter. Together
        they are ``get_all_samples``, bit for bit. Only one of them is in memory at a time, so that
        long files and streams can be read. A read elsewhere between two windows moves the decoder;
        only ``seek_mode="exact"`` then keeps every bit for codecs with a history.

        Parameters
        ----------
        seconds : float
            Length of a window. Window k begins at the sample nearest to ``k * seconds``.

        Returns
        -------
        iterator of AudioSamples
            With ``data`` float32 ``[num_channels, n]`` and ``pts_seconds``, the time of the first
            sample.

        Raises
        ------
        ValueError
            A window would hold less than one sample.
        TypeError
            `seconds` is no number.
        """
        length = instant(seconds, "seconds") * self._session.sample_rate
        if not 1 <= length < 1 << 62:
            raise ArgumentError(
                f"{self._session.name}: chunks of {seconds} s hold {length:.3g} samples (at least one is needed)"
            )
        return self._chunks(length)

    def _chunks(self, length: float) -> Iterator[AudioSamples]:
        for number in itertools.count():
            start, stop = round(number * length), round((number + 1) * length)
            samples = self._samples(start, stop)
            if samples.data.shape[1]:
                yield samples
            if samples.data.shape[1] < stop - start:
                return

    def _samples(self, start: int, stop: int | None) -> AudioSamples:
        session = self._session
        # the time comes first: to know the holes, the decoder may have to move
        seconds = session.seconds_at(start)
        data = session.read(start, stop)
        rate = session.sample_rate
        valid = session.validity(start, data.shape[1]) if session.options.mask_damage else None
        return AudioSamples(data, seconds, data.shape[1] / rate, rate, valid)


class TimeIndexing:
    """``decoder.t``; see SampleIndexing.t."""

    def __init__(self, decoder: SampleIndexing) -> None:
        self._decoder = decoder

    def __getitem__(self, key: Any) -> Tensor:
        decoder = self._decoder
        session = decoder._session
        if isinstance(key, slice):
            if key.step is not None:
                raise ValueError(
                    "a time range of samples has no step (pass another sample_rate to the decoder)"
                )
            begin = min(0.0, session.begin_seconds) if key.start is None else key.start
            return decoder.get_samples_played_in_range(begin, key.stop).data
        seconds = instant(key, "a key of seconds")
        position = session.position_at(seconds, down=True)
        data = session.read(position, position + 1) if position >= 0 else session.read(0, 0)
        if data.shape[1] == 0:
            raise IndexError(
                f"{session.name}: no sample is played at {seconds} s: the stream lasts from "
                f"{session.begin_seconds} s to {session.seconds_at(len(decoder))} s"
            )
        return data[:, 0]


class AudioDecoder(SampleIndexing):
    """The samples of an audio stream, as tensors.

    A decoder is indexed like the second axis of the array ``[num_channels, num_samples]`` of all
    its samples. It decodes only what a key needs: ``decoder[0:16000]``, ``decoder[-8000:]``,
    ``decoder[5]``. ``decoder.t`` takes seconds instead: ``decoder.t[0.5:1.5]``. Sample 0 is the
    first that the ffmpeg command gives for the stream. Samples that the encoder added before it are
    not returned if the container says how many they are.

    Windows that are read in order have the same bits as one large window. A window anywhere else
    has the samples that the whole has there. They are equal to the bit for PCM, FLAC, ALAC, MP3 and
    Vorbis. For codecs whose decoder remembers more (AAC, Opus, AMR) they are nearly equal, or equal
    to the bit with ``seek_mode="exact"``. WAV files of plain PCM are read without FFmpeg.

    A stream whose sample rate or number of channels changes keeps the format of its beginning:
    samples after the change are resampled or mixed to it.

    Threads may share a decoder. It can be pickled and used in forked processes, unless its source
    is a stream or another file-like object that only its own process can read. A file that was
    rewritten while a decoder reads it, or since the decoder was pickled, raises StaleIndexError.

    Parameters
    ----------
    source : str, os.PathLike, bytes, torch.Tensor, file-like or tuple
        A path or URL; the bytes of a file (bytes, or a 1-D uint8 tensor); an object with
        ``read(size)`` and ``seek(offset, whence)``, which is read on demand; an object that cannot
        seek, such as a pipe, which is read forward and kept in a temporary file; or
        ``(path_or_url, offset, length)``, a part of a file in bytes.
    stream_index : int, optional
        Number of the stream among all streams of the container. None takes FFmpeg's best audio
        stream.
    sample_rate : int, optional
        Samples per second to convert to; numbers of samples then count these. None keeps the
        stream's own.
    num_channels : int, optional
        Number of channels to mix to, as the ffmpeg command does it. None keeps the stream's own.
    seek_mode : {"approximate", "exact"}
        "approximate" decodes a window from a place shortly before it, "exact" always from the
        start.
    gaps : {"silence", "skip"}
        "silence" fills holes in the timestamps with zeros, so that audio stays in step with its
        timestamps. "skip" puts the samples around a hole end to end, as the ffmpeg command does;
        windows by time are still at their true places.
    on_error : {"raise", "mask"}
        What to do with samples that are damaged and cannot be decoded: "raise" InvalidDataError for
        a read that needs them, or "mask": return zeros, and say where in ``AudioSamples.valid``.
        Samples that the decoder makes of damaged bytes, or without the lost ones that they need,
        count as damaged. Where a format has no checksum, damage may stay unnoticed.
    protocols, formats : str or iterable of str, optional
        FFmpeg's protocols and formats that the source may use besides its own: see VideoDecoder.
    options : dict, optional
        FFmpeg's options of demuxer, protocol and decoder: see VideoDecoder.
    max_result_bytes : int, optional
        The largest number of bytes of one returned tensor. None takes that of
        ``cycodec.get_limits()``.
    timeout : float, optional
        Seconds that a URL may take to answer. None takes ``cycodec.get_limits().timeout``.
    max_spool_bytes : int, optional
        The largest number of bytes that a temporary file keeps of a source that cannot seek. None
        takes ``cycodec.get_limits().max_spool_bytes``.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    LimitError
        A result is larger than `max_result_bytes`.
    SourcePermissionError
        The file may not be read, or the source reaches for what it may not.
    FFmpegError
        The source cannot be read, has no audio stream, or none of its samples can be decoded.
    TypeError, ValueError
        An argument has the wrong type, or a value that is not allowed.
    """

    def __init__(
        self,
        source: Source,
        *,
        stream_index: int | None = None,
        sample_rate: int | None = None,
        num_channels: int | None = None,
        seek_mode: Literal["approximate", "exact"] = "approximate",
        gaps: Literal["silence", "skip"] = "silence",
        on_error: Literal["raise", "mask"] = "raise",
        protocols: Iterable[str] | str | None = None,
        formats: Iterable[str] | str | None = None,
        options: Mapping[str, Any] | None = None,
        max_result_bytes: int | None = None,
        timeout: float | None = None,
        max_spool_bytes: int | None = None,
    ) -> None:
        one_of("gaps", gaps, ("silence", "skip"))
        one_of("on_error", on_error, ("raise", "mask"))
        one_of("seek_mode", seek_mode, ("approximate", "exact"))
        limits = current(None, max_result_bytes, timeout, max_spool_bytes)
        settings = AudioOptions(
            stream_index=optional_integer("stream_index", stream_index, 0, INT32_MAX),
            sample_rate=optional_integer("sample_rate", sample_rate, 1, INT32_MAX),
            num_channels=optional_integer("num_channels", num_channels, 1, INT32_MAX),
            exact=seek_mode == "exact",
            fill_gaps=gaps == "silence",
            mask_damage=on_error == "mask",
            access=make_access(protocols, formats, options, limits),
            max_result_bytes=limits.max_result_bytes,
        )
        self._open(source, settings)


class WavDecoder(SampleIndexing):
    """The samples of a WAV file of plain PCM (RIFF, RF64 or BW64; 8 to 64 bits), as tensors.

    The class has the methods of AudioDecoder, which reads such files in the same way. It refuses
    all other files.

    Parameters
    ----------
    source : str, os.PathLike, bytes, torch.Tensor or file-like
        As for AudioDecoder.
    sample_rate : int, optional
        Samples per second to convert to. None keeps the file's own.
    num_channels : int, optional
        Number of channels to mix to. None keeps the file's own.
    max_result_bytes : int, optional
        As for AudioDecoder.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InvalidDataError
        The source is no WAV file of plain PCM.
    TypeError, ValueError
        An argument has the wrong type, or a value that is not allowed.
    """

    def __init__(
        self,
        source: Source,
        *,
        sample_rate: int | None = None,
        num_channels: int | None = None,
        max_result_bytes: int | None = None,
    ) -> None:
        limits = current(None, max_result_bytes)
        options = AudioOptions(
            stream_index=None,
            sample_rate=optional_integer("sample_rate", sample_rate, 1, INT32_MAX),
            num_channels=optional_integer("num_channels", num_channels, 1, INT32_MAX),
            exact=False,
            wav_only=True,
            access=make_access(chosen=limits),
            max_result_bytes=limits.max_result_bytes,
        )
        self._open(source, options)


def _unpickle(
    kind: type[SampleIndexing], source: Any, options: AudioOptions, identity: Identity | None
) -> SampleIndexing:
    """Return the decoder that `SampleIndexing.__reduce__` describes."""
    decoder = kind.__new__(kind)
    decoder._open(source, options, identity)
    return decoder
