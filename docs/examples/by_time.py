"""
Frames by time
==============

The frame that is shown at an instant, all frames of a span of time, and a constant rate from a
video of any rate.
"""

# %%
# At an instant
# -------------
#
# A frame is played over ``[pts, pts + duration)``: from its presentation time until the next frame
# takes its place.

from clip import ffmpeg, make_clip
from pictures import show_bars, show_frames

from cycodec.decoders import VideoDecoder

decoder = VideoDecoder(make_clip("time.mp4", rate=24))
frame = decoder.get_frame_played_at(1.51)
print(f"at 1.51 s the frame of {frame.pts_seconds:.3f} s is shown, for {frame.duration_seconds:.3f} s")
assert frame.pts_seconds <= 1.51 < frame.pts_seconds + frame.duration_seconds

# %%
# A span of time, and a constant rate
# -----------------------------------
#
# A range returns every frame that is played at an instant of it. With ``fps=``, it returns frames
# at a constant rate, whatever the rate of the video is.

second = decoder.get_frames_played_in_range(1.0, 2.0)
steady = decoder.get_frames_played_in_range(1.0, 2.0, fps=5)
print(f"{len(second)} frames are played in that second, {len(steady)} at 5 fps")
show_frames(steady.data, [f"{seconds:.2f} s" for seconds in steady.pts_seconds.tolist()])

# %%
# The short form returns the same frames as tensors.

assert (decoder.t[1.51] == frame.data).all()
assert (decoder.t[1.0:2.0] == second.data).all()
assert (decoder.t[1.0:2.0:0.2] == steady.data).all()

# %%
# Variable frame rate
# -------------------
#
# Phones and screen recorders write videos whose frames are shown for different lengths of time.
# A time multiplied by the frame rate gives the wrong frame there. ``decoder.t`` uses the times that
# the file holds.

ffmpeg("-i", "time.mp4", "-vf", "select='lt(n,8)+not(mod(n,9))'", "-c:v", "mpeg4", "-q:v", "3", "vfr.mkv")
variable = VideoDecoder("vfr.mkv")
durations = variable.get_frames_at(range(6, 12)).duration_seconds
print(f"{len(variable)} frames, {variable.metadata.average_fps:.1f} fps on average")
show_bars({f"frame {6 + n}": value for n, value in enumerate(durations.tolist())}, "time on screen, s")

naive = int(1.51 * variable.metadata.average_fps)
right = variable.get_frame_played_at(1.51)
print(f"time multiplied by rate gives frame {naive}, of {variable.get_frame_at(naive).pts_seconds:.2f} s")
print(f"by time, the frame of {right.pts_seconds:.2f} s is shown")
assert right.pts_seconds <= 1.51 < right.pts_seconds + right.duration_seconds
