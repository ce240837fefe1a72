"""Audio: samples by number and by time, at another rate, and from the bytes of a WAV file."""

import subprocess

from cycodec.decoders import AudioDecoder, WavDecoder

# Five seconds of a tone in stereo, as MP3 and as WAV.
TONE = "aevalsrc=exprs='0.5*sin(440*2*PI*t)|0.5*sin(660*2*PI*t)':s=44100:d=5"
for name in ("tone.mp3", "tone.wav"):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", TONE, name], check=True)

decoder = AudioDecoder("tone.mp3")
print(decoder.metadata)

# By number, as in an array [num_channels, num_samples]. Only the selected samples are decoded.
second = decoder[44100:88200]
last = decoder[-8000:]
print(f"one second: {list(second.shape)}, the last samples: {list(last.shape)}, in all {len(decoder)}")
assert second.shape == (2, 44100)

# By time, with the time of the first sample. Priming, which the encoder added, is left out.
samples = decoder.get_samples_played_in_range(1.0, 2.5)
print(samples)
assert (decoder.t[1.0:2.5] == samples.data).all()

# Consecutive windows equal one large window to the bit.
whole = decoder.get_all_samples().data
start = 0
for stop in (1000, 50000, 123456, len(decoder)):
    assert (decoder[start:stop] == whole[:, start:stop]).all()
    start = stop

# Speech models expect 16 kHz and one channel. Sample numbers then refer to the resampled audio.
speech = AudioDecoder("tone.mp3", sample_rate=16000, num_channels=1)
print(f"at 16 kHz: {list(speech[0:16000].shape)}")

# WAV files are read without FFmpeg, and only the needed bytes. WavDecoder accepts nothing else.
with open("tone.wav", "rb") as file:
    data = file.read()
assert (WavDecoder(data)[100:200] == AudioDecoder("tone.wav")[100:200]).all()
