"""
Exact and approximate mode
==========================

By default a decoder knows every frame of a file. In approximate mode it believes the header. This
page shows what that saves, and what it costs.
"""

# %%
# What opening reads
# ------------------
#
# A transport stream has no table of its frames, so exact mode reads all its packets when the file
# is opened; nothing is decoded. Approximate mode reads the header. For MP4 there is no difference,
# because its sample tables list all frames.

from functools import partial

from clip import ffmpeg, make_clip
from pictures import show_times

from cycodec.decoders import VideoDecoder


def open_and_close(path, mode):
    VideoDecoder(path, seek_mode=mode).close()


stream = make_clip("long.ts", "-c:v", "mpeg2video", "-q:v", "4", "-bf", "2", seconds=30)
movie = make_clip("long.mp4", seconds=30)
openings = {
    f"{path}, {mode}": partial(open_and_close, path, mode)
    for path in (stream, movie)
    for mode in ("exact", "approximate")
}
show_times("opening a clip of 30 s", openings)

# %%
# What it costs
# -------------
#
# In approximate mode, frame ``i`` is the one that the average rate of the header puts there. For a
# constant rate that is the same frame. For a variable rate it is another one.

for path in (stream, movie):
    exact, approximate = VideoDecoder(path), VideoDecoder(path, seek_mode="approximate")
    same = sum(bool((exact[n] == approximate[n]).all()) for n in range(0, 700, 100))
    print(f"{path}: {same} of 7 frames are the same")

keep = "select='lt(n,100)+not(mod(n,9))'"
ffmpeg("-i", movie, "-vf", keep, "-c:v", "mpeg4", "-q:v", "3", "vfr.mkv")
exact, approximate = VideoDecoder("vfr.mkv"), VideoDecoder("vfr.mkv", seek_mode="approximate")
for number in (0, 50, 100, 150):
    times = (decoder.get_frame_at(number).pts_seconds for decoder in (exact, approximate))
    print("variable rate, frame {}: {:.2f} s by the index, {:.2f} s by the header".format(number, *times))

# %%
# By time, both modes find the frame that is played.

assert (exact.t[10.0] == approximate.t[10.0]).all()

# %%
# .. list-table:: Which mode when
#    :header-rows: 1
#
#    * - you have
#      - use
#    * - MP4, MOV, Matroska or WebM files
#      - exact mode: the index is in the file
#    * - other files that you open again and again
#      - exact mode with a :doc:`saved index </gallery/saved_index>`
#    * - other files that you open once, for a few frames by time
#      - approximate mode
#    * - a stream without end, such as a pipe
#      - approximate mode
