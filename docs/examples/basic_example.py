"""
Quick start
===========

Open a video, look at it, and take frames out of it: by number, by time, and with their times.
"""

# %%
# The examples make their own media: a moving test picture of 5 seconds. A decoder takes a path, a
# URL, bytes, or a file-like object (:doc:`/sources`).

from clip import make_clip, make_music
from pictures import show_frames, show_samples

from cycodec.decoders import AudioDecoder, VideoDecoder

path = make_clip("video.mp4")
decoder = VideoDecoder(path)
print(decoder)
metadata = decoder.metadata
print(f"{metadata.codec}, {metadata.average_fps:g} frames per second, {metadata.duration_seconds:g} s")

# %%
# Frames by number
# ----------------
#
# A decoder behaves like an array of all its frames, ``[N, C, H, W]``. One number returns one
# frame, a ``uint8`` tensor ``[3, H, W]``. A slice or a list returns several. Frames that your
# request does not need are not decoded.

first = decoder[0]
every = decoder[::25]
some = decoder[[100, 3, 3]]
print("one frame:", tuple(first.shape), first.dtype)
print("every 25th:", tuple(every.shape))
print("any order, with repeats:", tuple(some.shape))

show_frames(every, [f"frame {number}" for number in range(0, len(decoder), 25)])

# %%
# Frames by time
# --------------
#
# ``decoder.t`` takes seconds in place of numbers: an instant, or a range of time, with a step if
# you want a constant rate.

frame = decoder.t[1.5]
steady = decoder.t[1.0:3.0:0.4]
print("at 1.5 s:", tuple(frame.shape))

show_frames(steady, [f"{1 + 0.4 * number:.1f} s" for number in range(len(steady))])

# %%
# Frames with their times
# -----------------------
#
# The ``get_*`` methods have TorchCodec's names. They return a :class:`cycodec.Frame` or a
# :class:`cycodec.FrameBatch`, which hold times and durations in seconds beside the pixels.

batch = decoder.get_frames_at([0, 10, 20])
print(batch)
print("times:", batch.pts_seconds.tolist())

# %%
# Audio
# -----
#
# :class:`cycodec.decoders.AudioDecoder` returns samples as ``float32`` in [-1, 1],
# ``[num_channels, num_samples]``, in the same ways.

audio = AudioDecoder(make_music("music.mp3"))
samples = audio.get_samples_played_in_range(1.0, 3.0)
print(samples)

show_samples(samples.data, samples.sample_rate, samples.pts_seconds)

# %%
# Next: :doc:`/gallery/frames_and_regions`, :doc:`/gallery/by_time`,
# :doc:`/gallery/parallel_decoding`, :doc:`/gallery/video_encoding`.
