"""The command line on images: info, sheet, encode."""

import io
import json

import images
import numpy as np
import pytest
from PIL import Image

from cycodec._cli import app as cli
from cycodec.decoders import VideoDecoder


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    photo = images.photo(64, 48)
    photo.save(folder / "a.jpg", exif=b"Exif\0\0" + images.exif(6))
    photo.convert("CMYK").save(folder / "c.jpg")
    photo.save(
        folder / "b.webp",
        save_all=True,
        append_images=[images.photo(64, 48, n) for n in (1, 2, 3)],
        duration=100,
    )
    return folder


def test_info(folder, capsys):
    assert run("info", folder / "a.jpg", folder / "b.webp", folder / "c.jpg") == 0
    text = capsys.readouterr().out
    assert "JPEG, 48 x 64, RGB, 8 bits, Exif orientation 6" in text
    assert "4 frames" in text
    assert "CMYK" in text
    assert run("info", "--json", folder / "b.webp") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["image"]["num_frames"] == 4
    assert found["image"]["duration_seconds"] == pytest.approx(0.4)


def test_info_of_a_damaged_image(folder, tmp_path, capsys):
    (tmp_path / "bad.webp").write_bytes((folder / "b.webp").read_bytes()[:40])
    assert run("info", tmp_path / "bad.webp", folder / "a.jpg") == 1
    captured = capsys.readouterr()
    assert "bad.webp" in captured.err
    assert "48 x 64" in captured.out


def test_sheet(folder, tmp_path, capsys):
    assert run("sheet", folder / "b.webp", "-o", tmp_path / "sheet.png") == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 4 * 64
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 100
    assert run("sheet", folder / "a.jpg", "-o", tmp_path / "one.png") == 0


def test_encode_a_folder(tmp_path, capsys):
    frames = [images.photo(64, 48, seed) for seed in range(3)]
    for number, (frame, kind) in enumerate(zip(frames, ("PNG", "WEBP", "JPEG"), strict=True)):
        data = io.BytesIO()
        frame.save(data, kind, **({"lossless": True} if kind == "WEBP" else {}))
        (tmp_path / f"{number}.{kind.lower()}").write_bytes(data.getvalue())
    options = ("--codec", "ffv1", "--pixel-format", "bgr0")
    assert run("encode", tmp_path, "-o", tmp_path / "out.mkv", *options) == 0
    video = VideoDecoder(str(tmp_path / "out.mkv"))[...]
    for number in (0, 1):
        assert np.array_equal(images.array(video[number]), np.asarray(frames[number]))
    assert len(video) == 3
