"""Regions of frames, and the pixel formats in which every kind of region is tested."""

import random

import media

FORMATS = media.names("""
h264_plain.mp4 h264_10bit.mp4 h264_422.mp4 h264_422_10bit.mkv h264_444.mp4 h264_gray.mkv h264_full_range.mp4 h264_rgb.mkv
h264_cropped_130x98.mp4 hevc_12bit_422.mkv hevc_444_odd_121x81.mkv vp9_odd_121x81.webm ffv1_odd_121x81.mkv
ffv1_odd_422_121x81.mkv ffv1_odd_10bit_121x81.mkv ffv1_tiny_2x2.mkv ffv1_tiny_1x1.mkv ffv1_wide_1030x34.mkv
ffv1_yuv410p.mkv ffv1_yuv411p.mkv ffv1_yuv440p.mkv ffv1_yuva420p.mkv ffv1_gray10le.mkv ffv1_gbrp10le.mkv ffv1_ya8.mkv
ffv1_yuv444p16le.mkv ffv1_bgra.mkv raw_nv12.nut raw_nv21.nut raw_uyvy422.nut raw_rgb565le.nut raw_pal8.nut
raw_rgb24.nut raw_monob.nut prores_4444_alpha.mov rot90.mp4 rot180.mp4 rot270.mp4 hflip.mp4 vflip.mp4 transpose.mp4
transverse.mp4 rot90_422_10bit.mp4 rot270_444.mp4 mpeg2_interlaced.ts resolution_change.h264
""")


def boxes(height, width, amount, seed):
    """Returns corners, rows, columns, pixels and random boxes (y0, y1, x0, x1), none empty."""
    dice = random.Random(seed)
    chosen = [
        (0, height, 0, width),
        (0, 1, 0, 1),
        (height - 1, height, width - 1, width),
        (height // 2, height, 0, width),
    ]
    chosen += [(0, height, width // 3, width // 3 + 1)]
    while len(chosen) < amount:
        y0, x0 = dice.randrange(height), dice.randrange(width)
        chosen.append((y0, dice.randint(y0 + 1, height), x0, dice.randint(x0 + 1, width)))
    return chosen
