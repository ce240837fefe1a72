"""The table of generated media. ``media.path("h264_bpyramid.mp4")`` returns the path of one.

Every file is small (a few dozen frames, mostly 128x96) and tests one thing that decoders get wrong.
It shows a moving picture with noise, so that no two frames are alike. recipes.py says how files are
made and kept.
"""

import struct
import subprocess

import bitstreams
from picture_headers import with_clap, with_matrix, with_pixel_crop
from recipes import RECIPES, derive, encode, locate, names, path, remux, shared
from sublayers import in_sublayers

__all__ = [
    "DAMAGED",
    "GENERATED",
    "NOT_VIDEOS",
    "ORIENTATIONS",
    "REBUILT",
    "SHARED_VIDEOS",
    "derive",
    "locate",
    "names",
    "path",
    "shared",
]

X264 = "-c:v libx264 -preset veryfast"
H264 = f"{X264} -pix_fmt yuv420p -g 12"
X265 = "-c:v libx265 -preset superfast"
MPEG2 = "-c:v mpeg2video -q:v 4 -bf 2 -g 12"
MPEG4 = "-c:v mpeg4 -q:v 4 -g 12"
FFV1 = "-c:v ffv1 -g 1"


def x265(parameters):
    return f"-x265-params log-level=none:pools=1:frame-threads=1:{parameters}"


# ---- H.264 ----
encode("h264_plain.mp4", f"{H264} -bf 2", seconds=3)
encode("h264_sound.mp4", f"{H264} -bf 2 -c:a aac -shortest", sound=True)
QUIET_END = "trim=end_frame=36,tpad=stop=36:stop_mode=clone"
encode("h264_quiet_end.mp4", f"{H264} -bf 2 -sc_threshold 0", seconds=3, more=QUIET_END)
remux("h264_quiet_end.mkv", "h264_quiet_end.mp4")
encode("h264_no_bframes.mp4", f"{H264} -bf 0")
encode(
    "h264_bpyramid.mp4", f"{X264} -pix_fmt yuv420p -bf 4 -x264-params b-pyramid=strict:b-adapt=0:keyint=24"
)
encode(
    "h264_bpyramid_deep.mkv",
    f"{X264} -pix_fmt yuv420p -bf 7 -x264-params b-pyramid=normal:b-adapt=0:keyint=30:ref=6",
)
encode(
    "h264_open_gop.mp4",
    f"{X264} -pix_fmt yuv420p -bf 3 -x264-params open-gop=1:b-adapt=0:keyint=12:scenecut=0",
    seconds=3,
)
encode(
    "h264_open_gop.ts",
    f"{X264} -pix_fmt yuv420p -bf 3 -x264-params open-gop=1:b-adapt=0:keyint=12:scenecut=0:repeat-headers=1",
    seconds=3,
)
remux("h264_open_gop.h264", "h264_open_gop.ts")
encode("h264_10bit.mp4", f"{X264} -pix_fmt yuv420p10le -g 12")
encode("h264_422.mp4", f"{X264} -pix_fmt yuv422p -g 12")
encode("h264_422_10bit.mkv", f"{X264} -pix_fmt yuv422p10le -g 12")
encode("h264_444.mp4", f"{X264} -pix_fmt yuv444p -g 12")
encode("h264_rgb.mkv", "-c:v libx264rgb -preset veryfast -qp 10 -g 12", seconds=1)
encode("h264_gray.mkv", f"{X264} -pix_fmt gray -g 12", seconds=1)
encode("h264_full_range.mp4", f"{X264} -pix_fmt yuvj420p -g 12", seconds=1)
# newer versions of FFmpeg take the colours of frames, and older ones those of the options
MARKED = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709"
BT709 = "-colorspace bt709 -color_primaries bt709 -color_trc bt709"
encode("h264_bt709.mp4", f"{H264} {BT709}", seconds=1, more=MARKED)
encode("h264_mbaff.mp4", f"{H264} -bf 2 -flags +ildct+ilme -x264-params tff=1")
encode(
    "h264_intra_refresh.mp4",
    f"{X264} -pix_fmt yuv420p -x264-params intra-refresh=1:keyint=16:bframes=0",
    seconds=3,
)
remux("h264_intra_refresh.ts", "h264_intra_refresh.mp4")
encode("h264_slices.mp4", f"{H264} -x264-params slices=4", seconds=1)
encode("h264_long_gop.mp4", f"{X264} -pix_fmt yuv420p -bf 3 -g 250 -sc_threshold 0", rate=30, seconds=6)
encode("h264_320x192.mp4", f"{H264} -bf 2", size="320x192", seconds=1)
remux(
    "h264_cropped_all_round.mp4",
    "h264_320x192.mp4",
    "-bsf:v h264_metadata=crop_left=64:crop_right=16:crop_top=32:crop_bottom=8",
)
encode("hevc_10bit_208x176.mp4", f"{X265} -pix_fmt yuv420p10le {x265('keyint=5')}", size="208x176", seconds=1)
remux(
    "hevc_10bit_cropped_all_round.mp4",
    "hevc_10bit_208x176.mp4",
    "-bsf:v hevc_metadata=crop_left=32:crop_right=6:crop_top=6:crop_bottom=10",
)
encode("h264_cropped_130x98.mp4", f"{H264}", size="130x98", seconds=1)
encode("h264_padded_rows_150x66.mp4", f"{H264}", size="150x66", seconds=1)
encode("h264_one_frame.mp4", f"{H264} -frames:v 1")
encode("h264_two_frames.mp4", f"{H264} -frames:v 2")
encode("h264_identical_frames.mp4", f"{H264} -bf 2", more="loop=loop=-1:size=1:start=0,trim=end_frame=30")

# H.264 in other containers
remux("h264_annexb.h264", "h264_plain.mp4")
remux("h264.mkv", "h264_plain.mp4")
remux("h264.ts", "h264_sound.mp4")
remux("h264.m2ts", "h264_plain.mp4")
remux("h264.flv", "h264_sound.mp4")
remux("h264.avi", "h264_plain.mp4")
encode("h264_program_stream.mpg", f"{H264} -bf 2 -f vob", size="320x240", seconds=3)
remux("h264.mov", "h264_plain.mp4")
remux("h264.nut", "h264_plain.mp4")
remux("h264.3gp", "h264_plain.mp4")
remux("h264_faststart.mp4", "h264_sound.mp4", "-movflags +faststart")
remux("h264_negative_offsets.mp4", "h264_plain.mp4", "-movflags +negative_cts_offsets")
remux("h264_fragmented.mp4", "h264_plain.mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof")
remux("h264_fragmented_sound.mp4", "h264_sound.mp4", "-movflags +frag_keyframe+empty_moov")
remux("h264_fragment_per_frame.mp4", "h264_plain.mp4", "-movflags +frag_every_frame+empty_moov+delay_moov")
remux("h264_fragments_after_moov.mp4", "h264_plain.mp4", "-movflags +frag_keyframe")
remux("h264_fragmented_dash.mp4", "h264_bpyramid.mp4", "-movflags +frag_keyframe+dash")
remux("h264_fragmented_cmaf.mp4", "h264_bpyramid.mp4", "-movflags +frag_keyframe+cmaf")
remux("h264_fragmented_every_frame.mp4", "h264_plain.mp4", "-movflags +frag_every_frame+empty_moov")
remux(
    "h264_fragmented_late.mp4",
    "h264_plain.mp4",
    "-output_ts_offset 5 -movflags +frag_keyframe+empty_moov+delay_moov",
)
remux("h264_fragmented_moov_samples.mp4", "h264_plain.mp4", "-movflags +frag_keyframe")
remux("hevc_fragmented.mp4", "hevc.mp4", "-movflags +frag_keyframe+empty_moov")
remux("h264_fragmented_sidx.mp4", "h264_plain.mp4", "-movflags +frag_keyframe+delay_moov+dash+global_sidx")
remux("h264_clusters.mkv", "h264_sound.mp4", "-cluster_time_limit 120")
remux("vp9_clusters.webm", "vp9.webm", "-cluster_time_limit 120")
remux("h264_no_cues.mkv", "h264_plain.mp4", "-f matroska", piped=True)
remux("h264_live.mkv", "h264_sound.mp4", "-f matroska -live 1", piped=True)
remux("h264_small_clusters.mkv", "h264_sound.mp4", "-cluster_time_limit 200")
remux("h264_piped_fragments.mp4", "h264_plain.mp4", "-f mp4 -movflags +frag_keyframe+empty_moov", piped=True)

# ---- HEVC ----
encode("hevc.mp4", f"{X265} -pix_fmt yuv420p {x265('keyint=12:min-keyint=12:open-gop=0:bframes=3')}")
encode("hevc_10bit.mp4", f"{X265} -pix_fmt yuv420p10le {x265('keyint=12:open-gop=0')}")
encode("hevc_12bit_422.mkv", f"{X265} -pix_fmt yuv422p12le {x265('keyint=12')}", seconds=1)
encode("hevc_444_odd_121x81.mkv", f"{X265} -pix_fmt yuv444p {x265('keyint=12')}", size="121x81", seconds=1)
encode(
    "hevc_open_gop.mp4",
    f"{X265} -pix_fmt yuv420p {x265('keyint=12:min-keyint=12:open-gop=1:bframes=4:b-adapt=0:scenecut=0')}",
    seconds=3,
)
remux("hevc_open_gop.ts", "hevc_open_gop.mp4")
remux("hevc_annexb.hevc", "hevc_open_gop.mp4")
remux("hevc.mkv", "hevc_open_gop.mp4")
HDR = "-color_primaries bt2020 -colorspace bt2020nc -color_trc"
for name, transfer in (("hevc_pq.mp4", "smpte2084"), ("hevc_hlg.mp4", "arib-std-b67")):
    # FFmpeg 5 uses the encoder's value, FFmpeg 7 the frames'
    encode(
        name,
        f"-vf setparams=color_primaries=bt2020:colorspace=bt2020nc:color_trc={transfer} "
        f"{X265} -pix_fmt yuv420p10le {HDR} {transfer} {x265('keyint=12')}",
        seconds=1,
    )

# ---- VP8, VP9, AV1 ----
VPX = "-deadline good -cpu-used 4 -b:v 300k -g 30"
encode("vp8.webm", f"-c:v libvpx {VPX}")
encode(
    "vp8_hidden.webm",
    f"-c:v libvpx {VPX} -auto-alt-ref 1 -lag-in-frames 16 -arnr-maxframes 7",
    seconds=3,
    two_pass=True,
)
remux("vp8_hidden.ivf", "vp8_hidden.webm")
encode("vp9.webm", f"-c:v libvpx-vp9 {VPX}")
encode(
    "vp9_hidden.webm", f"-c:v libvpx-vp9 {VPX} -auto-alt-ref 1 -lag-in-frames 25", seconds=4, two_pass=True
)
# its hidden frames have packets of their own
remux("vp9_hidden_split.ivf", "vp9_hidden.webm", "-bsf:v vp9_superframe_split -fflags -autobsf")
remux("vp9_hidden.mp4", "vp9_hidden.webm")
encode(  # the smallest size that NVDEC decodes
    "vp9_hidden_160x144.webm",
    f"-c:v libvpx-vp9 {VPX} -auto-alt-ref 1 -lag-in-frames 25",
    size="160x144",
    seconds=4,
    two_pass=True,
)
encode("vp9_444_10bit.webm", f"-c:v libvpx-vp9 {VPX} -pix_fmt yuv444p10le", seconds=1)
encode("vp9_10bit_160x144.webm", f"-c:v libvpx-vp9 {VPX} -pix_fmt yuv420p10le", size="160x144", seconds=1)
remux("vp9_10bit_160x144.mp4", "vp9_10bit_160x144.webm")
encode("vp9_odd_121x81.webm", f"-c:v libvpx-vp9 {VPX}", size="121x81", seconds=1)
encode(
    "vp9_alpha.webm",
    f"-c:v libvpx-vp9 {VPX} -pix_fmt yuva420p -auto-alt-ref 0",
    seconds=1,
    more="format=yuva420p",
)
encode("av1_aom.mkv", "-c:v libaom-av1 -cpu-used 8 -lag-in-frames 20 -b:v 200k -g 30")
encode("av1_svt.mp4", "-c:v libsvtav1 -preset 12 -g 20 -b:v 200k -svtav1-params lp=1")  # threads vary it
encode("av1_10bit.mp4", "-c:v libsvtav1 -preset 12 -g 20 -pix_fmt yuv420p10le -b:v 200k", seconds=1)
remux("av1.obu", "av1_aom.mkv")
remux("av1_hidden_split.mkv", "av1_aom.mkv", "-bsf:v av1_frame_split -fflags -autobsf")

# ---- MPEG-1, MPEG-2, MPEG-4 and older ----
encode("mpeg1.mpg", "-c:v mpeg1video -q:v 4 -bf 2 -g 12 -c:a mp2", sound=True)
encode("mpeg1_raw.m1v", "-c:v mpeg1video -q:v 4 -bf 2 -g 12")
encode("mpeg2.vob", f"{MPEG2} -c:a mp2", sound=True)
encode("mpeg2.ts", f"{MPEG2} -c:a mp2", sound=True)
encode("mpeg2_quiet_end.ts", f"{MPEG2} -sc_threshold 1000000000", seconds=3, more=QUIET_END)
encode("mpeg2_raw.m2v", f"{MPEG2}")
encode("mpeg2.mkv", f"{MPEG2}")
encode("mpeg2.mp4", f"{MPEG2}")
encode("mpeg2.mxf", f"{MPEG2} -b:v 2M", size="352x288", seconds=1)
encode("mpeg2_interlaced.ts", f"-vf setfield=tff {MPEG2} -flags +ildct+ilme")
encode("mpeg2_422.ts", f"{MPEG2} -pix_fmt yuv422p", seconds=1)
encode("mpeg2_closed_gop.mpg", f"{MPEG2} -flags +cgop -sc_threshold 1000000000")
encode("mpeg2_odd_121x81.ts", f"{MPEG2}", size="121x81", seconds=1)
encode("mpeg4.mp4", f"{MPEG4} -bf 2")
encode("mpeg4_bframes.avi", f"{MPEG4} -bf 2")
encode("mpeg4_no_bframes.avi", f"{MPEG4}")
encode("mpeg4_no_bframes.mp4", MPEG4)
encode("mpeg4_raw.m4v", f"{MPEG4} -bf 2")
encode("mpeg4_quarter_pixel.avi", f"{MPEG4} -bf 1 -flags +qpel+mv4", seconds=1)
encode("mpeg4_packed_bframes.avi", "-c:v libxvid -bf 2 -b:v 400k -g 20")
# an AVI holds a gap in time as empty packets
encode("mpeg4_gaps.avi", f"{MPEG4} -fps_mode passthrough", more="select='not(between(mod(n,10),4,6))'")
encode("msmpeg4.asf", "-c:v msmpeg4 -q:v 4 -g 12")
encode("wmv2.wmv", "-c:v wmv2 -q:v 4 -g 12 -c:a wmav2", sound=True)
encode("flv1.flv", "-c:v flv -q:v 4 -g 12")
encode("h263.3gp", "-c:v h263 -q:v 4 -g 12", size="176x144")
encode("rv20.rm", "-c:v rv20 -q:v 4 -g 12", size="176x144", seconds=1)
encode("theora.ogv", "-c:v libtheora -q:v 6 -g 12 -c:a libvorbis", sound=True)
encode("dv.dv", "-c:v dvvideo -pix_fmt yuv420p -frames:v 6", size="720x576")
encode("dv_411.avi", "-c:v dvvideo -pix_fmt yuv411p -frames:v 6", size="720x480", rate="30000/1001")

# ---- every frame a key frame; lossless; odd formats ----
encode("mjpeg.avi", "-c:v mjpeg -q:v 3")
encode("mjpeg.mjpeg", "-c:v mjpeg -q:v 3", seconds=1)
encode("mjpeg_422_odd_121x81.mov", "-c:v mjpeg -q:v 3 -pix_fmt yuvj422p", size="121x81", seconds=1)
encode("prores.mov", "-c:v prores_ks -profile:v 2", seconds=1)
encode("prores_4444_alpha.mov", "-c:v prores_ks -profile:v 4 -pix_fmt yuva444p10le", seconds=1)
encode("dnxhr.mov", "-c:v dnxhd -profile:v dnxhr_sq -pix_fmt yuv422p", size="256x128", seconds=1)
encode("ffv1.mkv", f"{FFV1} -pix_fmt yuv420p", seconds=1)
encode("ffv1_long_gop.mkv", "-c:v ffv1 -g 10 -pix_fmt yuv422p10le", seconds=1)
for pixels in [
    "yuv410p",
    "yuv411p",
    "yuv440p",
    "yuva420p",
    "yuv420p12le",
    "yuv444p16le",
    "yuv420p16le",
    "gray",
    "gray10le",
    "gray16le",
    "ya8",
    "gbrp",
    "gbrp10le",
    "gbrp12le",
    "bgr0",
    "bgra",
    "rgb48le",
    "rgba64le",
]:
    encode(f"ffv1_{pixels}.mkv", f"{FFV1} -pix_fmt {pixels}", seconds=0.4)
for pixels in names("nv12 nv21 uyvy422 yuyv422 rgb565le bgr24 rgb24 pal8 monob"):
    encode(f"raw_{pixels}.nut", f"-c:v rawvideo -pix_fmt {pixels}", seconds=0.4)
encode("ffv1_odd_121x81.mkv", f"{FFV1} -pix_fmt yuv420p", size="121x81", seconds=0.4)
encode("ffv1_odd_422_121x81.mkv", f"{FFV1} -pix_fmt yuv422p", size="121x81", seconds=0.4)
encode("ffv1_odd_10bit_121x81.mkv", f"{FFV1} -pix_fmt yuv420p10le", size="121x81", seconds=0.4)
encode("ffv1_tiny_2x2.mkv", f"{FFV1} -pix_fmt yuv420p", size="16x16", seconds=0.4, more="crop=2:2")
encode("ffv1_tiny_1x1.mkv", f"{FFV1} -pix_fmt yuv420p", size="16x16", seconds=0.4, more="crop=1:1:exact=1")
encode("ffv1_wide_1030x34.mkv", f"{FFV1} -pix_fmt yuv420p", size="1030x34", seconds=0.4)
encode("huffyuv.avi", "-c:v huffyuv -pix_fmt yuv422p", seconds=1)
encode("utvideo.avi", "-c:v utvideo -pix_fmt yuv420p", seconds=1)
encode("raw.y4m", "-pix_fmt yuv420p", seconds=1)
encode("raw.avi", "-c:v rawvideo -pix_fmt yuv420p", seconds=1)
encode("png.mov", "-c:v png -pix_fmt rgba", seconds=1)
encode("png_pal8.mkv", "-c:v png -pix_fmt pal8", seconds=0.4)
encode("qtrle.mov", "-c:v qtrle -g 10", seconds=1)
encode("cinepak.avi", "-c:v cinepak -g 10", seconds=0.6)
encode("zmbv.avi", "-c:v zmbv -g 10", seconds=1)
encode("animation.gif", rate=10)
encode("animation.apng", "-f apng", rate=10, seconds=1)
encode("jpeg2000.mkv", "-c:v jpeg2000", seconds=0.4)
encode("still.png", "-frames:v 1")
encode("still.jpg", "-frames:v 1")
encode("still.bmp", "-frames:v 1")
encode("still.tiff", "-frames:v 1")

# ---- time ----
UNEVEN = "select='not(eq(mod(n,7),3)+eq(mod(n,5),4))'"
JITTER = "setpts='(N+0.4*sin(N*1.7))/(25*TB)'"
encode("vfr_dropped.mp4", f"{H264} -bf 2 -fps_mode vfr", more=UNEVEN)
encode("vfr_dropped.mkv", f"{H264} -bf 2 -fps_mode vfr", more=UNEVEN)
encode(
    "vfr_jitter.mp4",
    f"{H264} -bf 2 -fps_mode passthrough -enc_time_base 1/90000",
    more=f"settb=1/90000,{JITTER}",
)
remux("vfr_jitter.ts", "h264_no_bframes.mp4", "-bsf:v setts=ts=TS+floor(230*sin(N*1.7))")
encode(
    "vfr_slow.webm",
    f"-c:v libvpx-vp9 {VPX} -fps_mode passthrough",
    more="setpts='(N*N+2*N)/(50*TB)'",
    seconds=1,
)
encode("ntsc.mp4", f"{H264} -bf 2", rate="30000/1001")
encode("one_frame_a_minute.mp4", f"{H264} -bf 0", rate="1/60", seconds=600)
encode("fast_240.mkv", f"{H264} -bf 2", rate=240, seconds=0.5)
remux("starts_at_10s.mp4", "h264_sound.mp4", "-output_ts_offset 10")
remux("starts_at_10s.mkv", "h264_sound.mp4", "-output_ts_offset 10")
remux("starts_at_1000s.ts", "h264_sound.mp4", "-output_ts_offset 1000")
remux("starts_below_zero.mp4", "h264_sound.mp4", "-output_ts_offset -0.5 -avoid_negative_ts disabled")
remux("starts_below_zero.mkv", "h264_no_bframes.mp4", "-output_ts_offset -0.5 -avoid_negative_ts disabled")
remux("clock_wraps.ts", "h264_plain.mp4", "-output_ts_offset 95442.2 -muxdelay 0")  # 33 bits run over
remux("mjpeg.mkv", "mjpeg.avi")  # from FFmpeg 6 on, setts counts in the time base of its source
remux("doubled_pts.mkv", "mjpeg.mkv", "-bsf:v setts=ts=floor(N/2)*80")
remux("one_doubled_pts.mkv", "mjpeg.mkv", "-bsf:v setts=ts=if(eq(N\\,20)\\,19\\,N)*60")
remux("pts_missing.nut", "h264_no_bframes.mp4", "-bsf:v setts=pts=if(mod(N\\,3)\\,NOPTS\\,PTS)")
# the coded order's times on a stream with B-frames
remux("lying_pts.mp4", "h264_annexb.h264", "-bsf:v setts=ts=N*48000", before="-fflags +genpts")
remux("late_video.mp4", "h264_sound.mp4", "-map 0:a -map 1:v", before="-i {h264_sound.mp4} -itsoffset 0.7")

# ---- edit lists ----
remux("edit_inside_gop.mp4", "h264_plain.mp4", before="-ss 0.7")
remux("edit_open_gop.mp4", "h264_open_gop.mp4", before="-ss 0.9")
remux("edit_hevc_open_gop.mp4", "hevc_open_gop.mp4", before="-ss 0.9")
remux("edit_sound.mp4", "h264_sound.mp4", before="-ss 0.3")
remux("edit_to.mp4", "h264_sound.mp4", "-t 0.8", before="-ss 0.5")
remux("edit_fragmented.mp4", "h264_sound.mp4", "-movflags +frag_keyframe+empty_moov", before="-ss 0.3")
remux("cut_inside_gop.mkv", "h264_plain.mp4", "-ss 0.7")
remux("cut_at_end.mp4", "h264_plain.mp4", "-t 1.1")


def with_edits(*edits):
    """Replaces the edit list of an MP4's first track; entries are (duration in ms, media time in
    media units).
    """

    def build(source):
        data = bytearray(source.read_bytes())
        at = data.index(b"elst")
        count = struct.unpack_from(">I", data, at + 8)[0]
        boxes = struct.pack(f">I4sII{'IiI' * len(edits)}", 16 + 12 * len(edits), b"elst", 0, len(edits),
                            *(value for edit in edits for value in (*edit, 0x10000)))  # fmt: skip
        old = 16 + 12 * count
        grown = len(boxes) - old
        data[at - 4 : at - 4 + old] = boxes
        # the enclosing boxes grow; moov follows mdat, so no sample moves
        for name in (b"edts", b"trak", b"moov"):
            box = data.rindex(name, 0, at) - 4
            struct.pack_into(">I", data, box, struct.unpack_from(">I", data, box)[0] + grown)
        return bytes(data)

    return build


# h264_plain: 25 a second, 12800 media units a second (512 a frame), two frames of reordering delay
derive("edit_gap_before.mp4", with_edits((400, -1), (3000, 1024)), "h264_plain.mp4")
derive("edit_two_parts.mp4", with_edits((800, 1024), (800, 1024 + 512 * 40)), "h264_plain.mp4")
derive("edit_repeats.mp4", with_edits((600, 1024 + 512 * 20), (600, 1024 + 512 * 10)), "h264_plain.mp4")
derive("edit_between_frames.mp4", with_edits((1500, 1024 + 512 * 17 + 200)), "h264_plain.mp4")

# ---- parts of files joined, cut and damaged ----


def joined(*sources):
    return b"".join(source.read_bytes() for source in sources)


def without_start(size, unit=1):
    """Returns the file without its first `size` bytes, cut at a multiple of `unit`."""
    return lambda source: source.read_bytes()[size // unit * unit :]


def with_hole(start, size, unit=188):
    """Returns the file without some bytes in the middle, as after a lossy transmission."""

    def build(source):
        data = source.read_bytes()
        return data[: start // unit * unit] + data[(start + size) // unit * unit :]

    return build


def without_end(part):
    """Returns the first `part` of the file."""
    return lambda source: source.read_bytes()[: int(source.stat().st_size * part)]


def with_dead_bytes(start, size):
    """Returns the file with zeros in place of some of its bytes."""

    def build(source):
        data = source.read_bytes()
        return data[:start] + bytes(size) + data[start + size :]

    return build


def with_sample(number, change):
    """Returns an MP4 file in which one packet of the first video stream has other bytes of the same
    number.
    """

    def build(source):
        command = f"-v error -select_streams v:0 -show_entries packet=pos,size -of csv=p=0 {source}"
        rows = subprocess.run(
            ["ffprobe", *command.split()], capture_output=True, text=True, check=True
        ).stdout
        size, position = map(int, rows.splitlines()[number].strip(",").split(","))
        data = source.read_bytes()
        changed = change(data[position : position + size])
        assert len(changed) == size
        return data[:position] + changed + data[position + size :]

    return build


def filler(sample):
    """Returns one NAL unit of filler data (type 12): valid, but no picture."""
    return (len(sample) - 4).to_bytes(4, "big") + b"\x0c" + b"\xff" * (len(sample) - 6) + b"\x80"


encode("h264_small.h264", f"{H264} -bf 0", size="96x64", seconds=1)
encode("h264_large.h264", f"{H264} -bf 0", size="160x120", seconds=1)
encode("h264_small.ts", f"{H264} -bf 2", size="96x64", seconds=1)
encode("h264_large.ts", f"{H264} -bf 2", size="160x120", seconds=1)
encode("vp9_small.ivf", f"-c:v libvpx-vp9 {VPX}", size="96x64", seconds=1)
encode("mpeg2_small.m2v", f"{MPEG2}", size="96x64", seconds=1)
derive("resolution_change.h264", joined, "h264_small.h264", "h264_large.h264", "h264_small.h264")
for size in ("66x50", "98x34", "34x42"):
    encode(f"h264_10bit_{size}.h264", f"{X264} -pix_fmt yuv420p10le -qp 0", size=size, rate=3, seconds=1)
derive(
    "h264_10bit_changing.h264",
    joined,
    *(f"h264_10bit_{size}.h264" for size in ("66x50", "98x34", "66x50", "34x42", "66x50")),
)
derive("resolution_change.ts", joined, "h264_large.ts", "h264_small.ts")
derive("resolution_change.m2v", joined, "mpeg2_raw.m2v", "mpeg2_small.m2v")
remux("resolution_change.mp4", "resolution_change.h264", "-bsf:v setts=ts=N*48000", before="-fflags +genpts")
remux("resolution_change.mkv", "resolution_change.mp4")
# the clock restarts in the middle, so every timestamp occurs twice
derive("same_time_twice.ts", joined, "h264_small.ts", "h264_small.ts")
derive("ts_cut_start.ts", without_start(20_000, 188), "h264.ts")
derive("ts_cut_start_open_gop.ts", without_start(20_000, 188), "h264_open_gop.ts")
derive("ts_cut_start_hevc.ts", without_start(9_000, 188), "hevc_open_gop.ts")
derive("ts_cut_start_mpeg2.ts", without_start(30_000, 188), "mpeg2.ts")
derive("ts_cut_unaligned.ts", without_start(20_077), "mpeg2.ts")
derive("ts_hole_h264.ts", with_hole(50_000, 6_000), "h264.ts")
derive("ts_hole_mpeg2.ts", with_hole(150_000, 9_000), "mpeg2.ts")
derive("ts_hole_hevc.ts", with_hole(40_000, 4_000), "hevc_open_gop.ts")
derive("h264_dead_frame.mp4", with_dead_bytes(60_000, 2_000), "h264_no_bframes.mp4")
encode("h264_one_gop.mp4", f"{X264} -pix_fmt yuv420p -bf 3 -g 250", size="96x64", seconds=1)
encode("hevc_one_gop.mp4", f"{X265} -pix_fmt yuv420p {x265('keyint=250:bframes=3')}", size="96x64", seconds=1)
for number in (7, 8, 9, 10):  # other frames refer to some of its B-frames, but not to all
    derive(f"h264_no_picture_{number}.mp4", with_sample(number, filler), "h264_one_gop.mp4")
derive("hevc_dead_frame.mp4", with_sample(9, lambda sample: bytes(len(sample))), "hevc_one_gop.mp4")
derive("mjpeg_dead_frame.avi", with_dead_bytes(100_000, 9_000), "mjpeg.avi")
derive("ts_cut_end.ts", without_end(0.7), "h264.ts")
derive("ps_cut_start.mpg", without_start(30_000, 2048), "mpeg2.vob")
derive("annexb_cut_start.h264", without_start(9_000), "h264_open_gop.h264")
derive("annexb_cut_start.hevc", without_start(9_000), "hevc_annexb.hevc")
derive("m2v_cut_start.m2v", without_start(30_000), "mpeg2_raw.m2v")
derive("mkv_cut_end.mkv", without_end(0.7), "h264_no_cues.mkv")
derive("avi_cut_end.avi", without_end(0.7), "mpeg4_bframes.avi")
derive("faststart_cut_end.mp4", without_end(0.7), "h264_faststart.mp4")
derive("fragmented_cut_end.mp4", without_end(0.7), "h264_fragmented.mp4")
TWO = f"-f lavfi -i testsrc2=s=64x48:r=10:d=2 {H264} -map 0:v -map 1:v"
encode("two_videos.mp4", f"{TWO}")
encode("two_videos.mkv", f"{TWO}")
encode("two_videos.ts", f"{TWO}")

# ---- temporal sub-layers ----
encode(
    "hevc_one_layer.hevc",
    f"{X265} -pix_fmt yuv420p "
    + x265("keyint=25:min-keyint=25:open-gop=0:scenecut=0:bframes=3:b-adapt=0:b-pyramid=1:ref=1"),
    size="160x144",
    seconds=4,
)
derive("hevc_sublayers.hevc", in_sublayers, "hevc_one_layer.hevc")
# the first of 25 frames is I; of each next four, the fourth, second, first and third are P B b b
SUBLAYER_PTS = (
    r"N-mod(N\,25)+if(mod(N\,25)\,4*floor((mod(N\,25)-1)/4)"
    r"+if(eq(mod(mod(N\,25)-1\,4)\,0)\,4\,if(eq(mod(mod(N\,25)-1\,4)\,3)\,3\,3-mod(mod(N\,25)-1\,4)))\,0)"
)
remux("hevc_sublayers.mp4", "hevc_sublayers.hevc", f"-bsf:v setts=dts=N*48000:pts=({SUBLAYER_PTS}+2)*48000")

# ---- field pictures, bit by bit ----
derive("mpeg2_fields.m2v", bitstreams.mpeg2_fields)
remux("mpeg2_fields.mpg", "mpeg2_fields.m2v", before="-fflags +genpts")
derive("h264_fields.h264", bitstreams.h264_fields)
derive("h264_fields_reordered.h264", lambda: bitstreams.h264_fields(reordered=True))
derive("h264_paff.h264", lambda: bitstreams.h264_fields(mixed=True))
derive("h264_paff_reordered.h264", lambda: bitstreams.h264_fields(reordered=True, mixed=True))
remux("h264_fields.avi", "h264_fields.h264")
# a field every 24000 units of 1/1200000 s; frames after the first of a group are coded in the order
# 2 1 4 3 ... 11
PLACE = "mod(floor(N/2)\\,12)"
SHIFT = f"if(eq({PLACE}\\,0)+eq({PLACE}\\,11)\\,1\\,if(mod({PLACE}\\,2)\\,2\\,0))"
remux("h264_fields.mp4", "h264_fields.h264", "-bsf:v setts=ts=N*24000")
remux(
    "h264_fields_reordered.mp4",
    "h264_fields_reordered.h264",
    f"-bsf:v setts=dts=N*24000:pts=(N+2*{SHIFT})*24000",
)
for ending in ("ts", "mkv"):
    remux(f"h264_fields.{ending}", "h264_fields.mp4")
    remux(f"h264_fields_reordered.{ending}", "h264_fields_reordered.mp4")

# ---- rotation ----

ORIENTATIONS = {
    "rot90": (0, 1, -1, 0),
    "rot180": (-1, 0, 0, -1),
    "rot270": (0, -1, 1, 0),
    "hflip": (-1, 0, 0, 1),
    "vflip": (1, 0, 0, -1),
    "transpose": (0, 1, 1, 0),
    "transverse": (0, -1, -1, 0),
}
encode("upright.mp4", f"{H264}", size="128x80", seconds=1)
encode("upright_422_10bit.mp4", f"{X264} -pix_fmt yuv422p10le", size="128x80", seconds=1)
encode("upright_444.mp4", f"{X264} -pix_fmt yuv444p", size="121x81", seconds=1)
for orientation, matrix in ORIENTATIONS.items():
    derive(f"{orientation}.mp4", with_matrix(*matrix), "upright.mp4")
    derive(f"{orientation}_444.mp4", with_matrix(*matrix), "upright_444.mp4")
for orientation in ("rot90", "rot270"):
    derive(f"{orientation}_422_10bit.mp4", with_matrix(*ORIENTATIONS[orientation]), "upright_422_10bit.mp4")

# ---- cropping that the container asks for ----

encode("coloured.mkv", f"{H264} {BT709} -color_range tv", size="128x80", seconds=1, more=f"{MARKED}:range=tv")
# frames of 128x80 and 121x81: what is cut off on the left, right, top and bottom
CROPPED = {
    "clap_even.mp4": (16, 8, 4, 2),
    "clap_odd.mp4": (7, 4, 3, 2),
    "clap_444.mp4": (7, 4, 3, 2),
    "clap_422_10bit.mp4": (7, 4, 3, 2),
    "pixel_crop_even.mkv": (16, 8, 4, 2),
    "pixel_crop_odd.mkv": (5, 2, 1, 0),
    "pixel_crop_right.mkv": (0, 1, 0, 7),
}
for name in ("clap_even.mp4", "clap_odd.mp4"):
    derive(name, with_clap(128, 80, *CROPPED[name]), "upright.mp4")
derive("clap_444.mp4", with_clap(121, 81, *CROPPED["clap_444.mp4"]), "upright_444.mp4")
derive("clap_422_10bit.mp4", with_clap(128, 80, *CROPPED["clap_422_10bit.mp4"]), "upright_422_10bit.mp4")
derive("clap_turned.mp4", with_clap(128, 80, 16, 8, 4, 2), "rot90.mp4")
for name in ("pixel_crop_even.mkv", "pixel_crop_odd.mkv", "pixel_crop_right.mkv"):
    derive(name, with_pixel_crop(*CROPPED[name]), "coloured.mkv")

GENERATED = tuple(RECIPES)

derive("pixel_crop_all.mkv", with_pixel_crop(127, 0, 0, 0), "coloured.mkv")  # FFmpeg 7.1 refuses it

# ---- shared media ----

# Shared files of which ffmpeg decodes at least one frame.
SHARED_VIDEOS = names("""
apng_animated.apng av1_1080x720.mp4 av1_hdr10_portrait.mp4 avif_animated.avif avif_hdr_rec2020_444.avif
bad_fmp4_huge_duration.mp4 bad_invalid_nalu.mp4 bad_missing_stsd.mp4 flv1_mp3.flv gif_dispose_prev.gif
h264_1080p50_xvycc_pcm.mov h264_444_720p_cockatoo.mp4 h264_annexb_1080p_bframes_fullrange.264
h264_bench_bbb_360p24_60s_bframes.mp4 h264_bench_bbb_480p24_30s_bframes.mp4 h264_bench_camera_768x432_139s.mp4
h264_bframes_1080p60_bbb_2s_aac51.mp4 h264_bt601.mp4 h264_editlist_iibbibb.mp4 h264_fmp4_fullrange_320x240.mp4
h264_hls_segment_720p.ts h264_in_program_stream.mpeg h264_long_1080p30_6min_lowbitrate.mp4
h264_resolution_change.h264 h264_rot90_720p_bbb.mp4 h264_rotate_and_reflect.mp4 h264_srt_subtitles.mkv
h264_start1.4s.ts h264_startpts_10s.mp4 h264_vfr_rot180_camera.mp4 hevc_444_10bit_odd_321x241.mp4
hevc_bframes_480p.mp4 hevc_hlg10_1080p.mp4 hevc_hls_segment_portrait.ts jpeg_exif_orient.jpg jpeg_gray.jpg
jpeg_hopper.jpg mjpeg_422_fullrange.mov mkv_chapters_negative_start.mkv mp3_id3_cover_chapters.mp3
mp4_empty_second_video_track.mp4 mpeg1_mp2_ps.mpg mpeg2_in_program_stream.m2v mpeg2_not_seekable.ts
mpeg2_odd_121x81.mp4 mpeg2_xdcam_1080i50_interlaced.mov mpeg4_720p.avi mpeg4_asp_packed_bframes.avi png_alpha.png
png_rgb_hopper.png prores_422_320x240.mov qtrle_argb_alpha.mov theora_444_multistream.ogv vp8_bbb_720p_30s.webm
vp8_hidden_frames_480p.webm vp9_alpha_200x200.webm vp9_alpha_no_duration.webm vp9_bbb_180p_10s.webm
vp9_odd_321x241.mp4 webp_alpha_still.webp
""")

# Only decoding shows that a packet of these files gives no frame, or that times contradict the
# order of frames. `len` and frame numbers are right after a complete read.
REBUILT = names(
    """
    bad_invalid_nalu.mp4 h264_dead_frame.mp4 mjpeg_dead_frame.avi lying_pts.mp4 hevc_dead_frame.mp4
    h264_no_picture_7.mp4 h264_no_picture_8.mp4 h264_no_picture_9.mp4 h264_no_picture_10.mp4
    """
)

# Damaged frames. FFmpeg's replacement depends on what it has decoded before (and on its threads),
# so random access may give other pixels than the sequential pass.
DAMAGED = {
    "mjpeg_dead_frame.avi": {14},
}

# Shared files without a video frame: opening them as a video raises FFmpegError.
NOT_VIDEOS = names("""
bad_100kB_garbage_prefix.mp3 bad_decompression_bomb.gif bad_empty.mov bad_fuzz.flac bad_fuzz_oom.wav
bad_malformed_free_box.mp4 heic_still.heic webp_animated.webp wav_u8.wav aac_music_priming.m4a
""")

# Clips whose container states the same time for two frames.
EQUAL_TIMES = {"doubled_pts.mkv"}
