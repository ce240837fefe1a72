"""
Decoding audio
==============

Samples by number and by time, at another rate, and from the bytes of a WAV file.
"""

# %%
# By number
# ---------
#
# A decoder behaves like an array ``[num_channels, num_samples]`` of ``float32`` in [-1, 1]. Only
# the selected samples are decoded.

from pathlib import Path

from clip import make_music
from pictures import show_samples

from cycodec.decoders import AudioDecoder, WavDecoder

decoder = AudioDecoder(make_music("music.mp3"))
print(decoder.metadata)

second = decoder[44100:88200]
last = decoder[-8000:]
print(f"one second: {list(second.shape)}, the last samples: {list(last.shape)}, in all {len(decoder)}")
assert second.shape == (2, 44100)

# %%
# By time
# -------
#
# The result knows the time of its first sample. Priming, which the encoder added, is left out.

samples = decoder.get_samples_played_in_range(1.0, 2.5)
print(samples)
assert (decoder.t[1.0:2.5] == samples.data).all()
show_samples(samples.data, samples.sample_rate, samples.pts_seconds)

# %%
# Windows
# -------
#
# Consecutive windows equal one large window to the bit, for every codec. A long file can therefore
# be read in pieces.

whole = decoder.get_all_samples().data
start = 0
for stop in (1000, 50000, 123456, len(decoder)):
    assert (decoder[start:stop] == whole[:, start:stop]).all()
    start = stop

for chunk in decoder.chunks(2.0):
    print(f"from {chunk.pts_seconds:.1f} s: {chunk.data.shape[1]} samples")

# %%
# Another rate, fewer channels
# ----------------------------
#
# Speech models expect 16 kHz and one channel. Sample numbers then refer to the resampled audio.

speech = AudioDecoder("music.mp3", sample_rate=16000, num_channels=1)
print(f"at 16 kHz: {list(speech[0:16000].shape)}")
show_samples(speech[0:16000], 16000, titles=("mono",))

# %%
# WAV files
# ---------
#
# WAV files are read without FFmpeg, and only the needed bytes. ``WavDecoder`` accepts nothing else.

data = Path(make_music("music.wav")).read_bytes()
assert (WavDecoder(data)[100:200] == AudioDecoder("music.wav")[100:200]).all()
