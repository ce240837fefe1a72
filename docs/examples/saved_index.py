"""
Saved indexes
=============

The frames of a file are found once. Later opens with the saved index take almost no time.
"""

# %%
# A transport stream has no table of its frames. To open it, cycodec must read all of it.

from clip import make_clip
from pictures import show_times

from cycodec import FrameIndex, StaleIndexError
from cycodec.decoders import VideoDecoder

source = make_clip("recording.ts", "-c:v", "mpeg2video", "-q:v", "4", "-bf", "2", seconds=20)

decoder = VideoDecoder(source)
decoder.index.save("recording.idx")
again = VideoDecoder(source, index="recording.idx")
print(again)
show_times(
    "opening a transport stream of 20 s",
    {
        "without an index": lambda: VideoDecoder(source),
        "with the index": lambda: VideoDecoder(source, index="recording.idx"),
    },
)
assert len(again) == len(decoder)
assert (again[-1] == decoder[-1]).all()

# %%
# What an index knows
# -------------------
#
# A :class:`cycodec.FrameIndex` holds the time of every frame, and which frames are key frames.

index = FrameIndex.load("recording.idx")
print(f"{len(index)} frames, {len(index.key_frames)} key frames, from {index.begin_seconds:.3f} s on")
print("the first key frames:", index.key_frames[:5].tolist())
print("at 7.3 s, frame", index.index_at(7.3), "is played")

# %%
# An index of another file is refused
# -----------------------------------
#
# An index carries a fingerprint of its file.

try:
    VideoDecoder(make_clip("other.ts", "-c:v", "mpeg2video"), index=index)
except StaleIndexError as error:
    print("refused:", error)

# %%
# On the command line, ``cycodec index recording.ts -o recording.idx`` writes the same file.
