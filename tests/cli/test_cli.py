"""The command line: its output, its exit status, and that every error is one line."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from cycodec._cli import app as cli
from cycodec._cli import contact_sheet as _sheet
from cycodec._cli import examinations
from cycodec._cli import text as _text
from cycodec._cli.commands import sheet as _sheet_command
from cycodec.decoders import VideoDecoder

NAME = "h264_sound.mp4"


@pytest.fixture
def clip(make_media):
    return str(make_media(NAME))


@pytest.fixture
def frames(clip):
    return VideoDecoder(clip, dimension_order="NHWC")[:].numpy()


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


class TestInfo:
    def test_table(self, clip, frames, capsys):
        assert run("info", clip) == 0
        printed = capsys.readouterr().out
        for words in (NAME, "video 0", "h264", "128 x 96", f"{len(frames)} frames", "audio 1", "aac"):
            assert words in printed

    def test_json(self, clip, frames, capsys):
        assert run("info", "--json", clip) == 0
        (description,) = json.loads(capsys.readouterr().out)
        video, audio = description["container"]["streams"]
        assert description["source"] == clip
        assert video["num_frames_from_content"] == video["num_frames"] == len(frames)
        assert (video["width"], video["height"], video["codec"]) == (128, 96, "h264")
        assert (audio["media_type"], audio["codec"]) == ("audio", "aac")
        assert description["video"]["key_frames"] == len(VideoDecoder(clip).index.key_frames)
        assert description["container"]["best_video_stream_index"] == 0

    def test_saved_index(self, clip, capsys, tmp_path):
        path = tmp_path / "a.idx"
        decoder = VideoDecoder(clip)
        decoder.index.save(path)
        assert run("info", path, clip) == 0
        printed = capsys.readouterr().out
        assert "frame index" in printed
        assert f"{len(decoder)} frames" in printed
        assert run("info", "--json", path) == 0
        (description,) = json.loads(capsys.readouterr().out)
        assert description["index"]["num_frames"] == len(decoder)
        assert description["index"]["stream_index"] == decoder.stream_index
        assert description["index"]["end_seconds"] == decoder.index.end_seconds
        assert description["size_bytes"] == path.stat().st_size

    def test_damaged_index(self, clip, capsys, tmp_path):
        path = tmp_path / "a.idx"
        path.write_bytes(VideoDecoder(clip).index.to_bytes()[:-5])
        assert run("info", path) == 1
        assert "index" in capsys.readouterr().err

    def test_header_only(self, clip, capsys):
        assert run("info", "--json", "--header", clip) == 0
        (description,) = json.loads(capsys.readouterr().out)
        assert description["container"]["streams"][0]["num_frames_from_content"] is None
        assert "video" not in description

    def test_goes_on_after_bad_files(self, clip, tmp_path, capsys):
        bad = tmp_path / "bad.mp4"
        bad.write_bytes(b"no video at all")
        assert run("info", tmp_path / "none.mp4", bad, clip) == 1
        out, err = capsys.readouterr()
        assert NAME in out
        first, second = err.splitlines()
        assert "none.mp4" in first
        assert str(bad) in second

    def test_bad_files_in_json(self, clip, tmp_path, capsys):
        assert run("info", "--json", tmp_path / "none.mp4", clip) == 1
        bad, good = json.loads(capsys.readouterr().out)
        assert "none.mp4" in bad["error"]
        assert "error" not in good

    def test_header_of_a_file_that_cannot_be_decoded(self, make_media, tmp_path, capsys):
        whole = make_media("h264_faststart.mp4").read_bytes()
        end = whole.index(b"mdat") + 4
        bad = tmp_path / "bad.mp4"
        bad.write_bytes(whole[:end] + bytes(len(whole) - end))
        assert run("info", bad) == 1
        out, err = capsys.readouterr()
        assert "128 x 96" in out
        assert str(bad) in err


class TestFrames:
    def test_by_index(self, clip, frames, tmp_path, capsys):
        assert run("frames", clip, "--index", "0:10:3", "--index=-1", "--index", "5,7", "-o", tmp_path) == 0
        expected = sorted([0, 3, 6, 9, 5, 7, len(frames) - 1])
        written = sorted(tmp_path.iterdir())
        assert [path.name for path in written] == [f"h264_sound_{number:06d}.png" for number in expected]
        for number, path in zip(expected, written, strict=True):
            np.testing.assert_array_equal(pixels(path), frames[number])
        assert len(capsys.readouterr().out.splitlines()) == len(expected)

    def test_by_time(self, clip, tmp_path):
        assert run("frames", "--at", "0.5", "--at", "0:01.25", clip, "-o", tmp_path) == 0
        decoder = VideoDecoder(clip, dimension_order="NHWC")
        expected = decoder.get_frames_played_at([0.5, 1.25]).data.numpy()
        for picture, path in zip(expected, sorted(tmp_path.iterdir()), strict=True):
            np.testing.assert_array_equal(pixels(path), picture)

    def test_all_as_jpeg(self, clip, frames, tmp_path):
        assert run("frames", clip, "--index", "::", "--format", "jpg", "-o", tmp_path / "new" / "folder") == 0
        assert len(list((tmp_path / "new/folder").glob("*.jpg"))) == len(frames)

    def test_default_folder(self, clip, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert run("frames", clip, "--index=-2") == 0
        assert len(list((tmp_path / "h264_sound-frames").iterdir())) == 1


class TestSheet:
    def test_tiles_are_the_frames_of_their_times(self, clip, frames, tmp_path):
        path = tmp_path / "sheet.png"
        assert run("sheet", clip, "-o", path, "--columns", "3", "--rows", "2", "--width", "900") == 0
        sheet = pixels(path)
        layout = _sheet.Layout.plan((128, 96), 6, 3, 900)
        assert layout.columns == 3
        with VideoDecoder(clip) as decoder:
            numbers = _sheet.sample_numbers(decoder, 6)
        assert len(set(numbers)) == 6
        for position, number in enumerate(numbers):
            x, y = layout.origin(position)
            width, height = layout.tile
            expected = np.asarray(
                Image.fromarray(frames[number]).resize(layout.tile, Image.Resampling.LANCZOS)
            )
            drawn = sheet[y : y + height, x : x + width]
            np.testing.assert_array_equal(drawn[1:-1, 1:-1], expected[1:-1, 1:-1])
            caption = sheet[y + height : y + height + layout.text + 4, x : x + width]
            assert caption.min() < 60, "no caption"
        assert sheet[: layout.head - layout.gap].min() < 60, "no title"
        assert sheet[:4].min() == sheet[:, :4].min() == sheet[-4:].min() == sheet[:, -4:].min() == 255

    def test_few_frames_give_a_smaller_sheet(self, make_media, tmp_path):
        path = tmp_path / "sheet.jpg"
        assert run("sheet", make_media("h264_two_frames.mp4"), "-o", path) == 0
        assert pixels(path).shape[1] < 1600

    @pytest.mark.parametrize(
        ("aspect", "rotation", "expected"),
        [
            (None, None, (120, 80)),
            ("4/3", None, (160, 80)),
            ("4/3", 90.0, (90, 80)),
            ("4/3", -180.0, (160, 80)),
            ("0/1", 0, (120, 80)),
        ],
    )
    def test_pictures_get_square_pixels(self, aspect, rotation, expected):
        from fractions import Fraction

        ratio = None if aspect is None else Fraction(aspect)
        assert _sheet.display_size(120, 80, ratio, rotation) == expected

    @pytest.mark.parametrize(("size", "columns"), [((1920, 1080), 4), ((500, 500), 5), ((720, 1280), 6)])
    def test_columns_suit_the_shape(self, size, columns):
        layout = _sheet.Layout.plan(size, 60, None, 1600)
        assert layout.columns == columns
        assert layout.grid_width + 2 * layout.margin <= 1600
        assert layout.tile[0] / layout.tile[1] == pytest.approx(size[0] / size[1], rel=0.01)

    def test_long_names_are_shortened(self, clip, frames):
        layout = _sheet.Layout.plan((128, 96), 1, 1, 400)
        tile = _sheet.Tile(Image.fromarray(frames[0]), "0:00.000", "#0")
        sheet = _sheet.contact_sheet([tile], layout, "a very long name " * 20, "facts " * 100, min_width=300)
        assert np.asarray(sheet)[:, -layout.margin :].min() == 255


class TestIndex:
    def test_is_made_and_taken_up(self, clip, frames, tmp_path, capsys):
        path = tmp_path / "clip.idx"
        assert run("index", clip, "-o", path) == 0
        assert f"{len(frames)} frames" in capsys.readouterr().out
        decoder = VideoDecoder(clip, index=path)
        assert len(decoder) == len(frames)
        assert torch.equal(decoder[-1], VideoDecoder(clip)[-1])


class TestDoctor:
    def test_healthy(self, capsys):
        assert run("doctor") == 0
        printed = capsys.readouterr().out
        for words in ("libavcodec", "torch", "can decode here"):
            assert words in printed

    def test_json(self, capsys):
        import cycodec

        assert run("doctor", "--json") == 0
        report = json.loads(capsys.readouterr().out)
        details = {(f["topic"], f["name"]): f["detail"] for f in report["findings"]}
        assert report["can_decode"] is True
        for library in ("libavformat", "libavcodec", "libavutil", "libswscale", "libswresample"):
            assert details["FFmpeg", library].startswith(cycodec.ffmpeg_versions()[library])
            assert library in details["FFmpeg", library].split(" in ")[1], "the file it was loaded from"
        assert details["torch", "version"] == torch.__version__

    def broken(self, monkeypatch, module, error):
        """Makes one module fail to import, for the doctor alone."""
        real = examinations.importlib.import_module

        class Importlib:
            @staticmethod
            def import_module(name):
                if name == module:
                    raise error
                return real(name)

        monkeypatch.setattr(examinations, "importlib", Importlib)

    def problems(self, capsys):
        assert run("doctor", "--json") == 1
        report = json.loads(capsys.readouterr().out)
        assert report["can_decode"] is False
        return [finding for finding in report["findings"] if finding["status"] == "problem"]

    def test_without_torch(self, monkeypatch, capsys):
        self.broken(monkeypatch, "torch", ModuleNotFoundError("No module named 'torch'", name="torch"))
        (problem,) = self.problems(capsys)
        assert problem["topic"] == "torch"
        assert problem["remedy"] == "pip install torch"

    @pytest.mark.parametrize(
        ("error", "remedy"),
        [
            (
                ImportError("libavformat.so.59: cannot open shared object file"),
                "FFmpeg that cycodec was built against",
            ),
            (
                ModuleNotFoundError(
                    "No module named 'cycodec.core.video.reader'", name="cycodec.core.video.reader"
                ),
                "tools/setup",
            ),
        ],
    )
    def test_compiled_part_does_not_load(self, monkeypatch, capsys, error, remedy):
        self.broken(monkeypatch, "cycodec.core.video.reader", error)
        (problem,) = self.problems(capsys)
        assert (problem["topic"], problem["detail"]) == ("cycodec", str(error))
        assert remedy in problem["remedy"]

    def test_decoding_gives_the_wrong_picture(self, monkeypatch, capsys):
        monkeypatch.setattr(
            "cycodec.decoders.VideoDecoder.__iter__", lambda self: iter([torch.zeros(3, 16, 16)])
        )
        (problem,) = self.problems(capsys)
        assert problem["name"] == "decoding"

    def test_missing_codecs_are_notes(self, monkeypatch, capsys):
        monkeypatch.setitem(examinations.DECODERS, "H.264", ["no_such_decoder"])
        assert run("doctor") == 0
        assert "built without no_such_decoder" in " ".join(capsys.readouterr().out.split())

    @pytest.mark.parametrize(("formats", "has_webp"), [({"JPEG", "PNG"}, True), ({"PNG"}, False)])
    def test_libraries_of_images(self, monkeypatch, capsys, formats, has_webp):
        monkeypatch.setattr("cycodec.core.image.decode.available", lambda: formats)
        monkeypatch.setattr("cycodec.core.image.decode.webp_is_available", lambda: has_webp)
        assert run("doctor", "--json") == 0
        report = json.loads(capsys.readouterr().out)
        found = {f["name"]: f for f in report["findings"] if f["topic"] == "Images"}
        assert found["PNG"]["status"] == "ok"
        assert (found["JPEG"]["status"] == "ok") == ("JPEG" in formats)
        assert (found["WebP"]["detail"] == "libwebp") == has_webp
        assert all(bool(finding["remedy"]) == (finding["status"] == "note") for finding in found.values())


class TestErrors:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("frames", "none.mp4", "--at", "1"),
            ("sheet", "none.mp4"),
            ("index", "none.mp4"),
            ("sheet", "."),
            ("sheet", "text.mp4"),
            ("index", "text.mp4"),
            ("frames", "text.mp4", "--index", "0"),
        ],
    )
    def test_bad_files(self, arguments, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "text.mp4").write_text("Once upon a time\n" * 100)
        assert run(*arguments) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("cycodec: ")
        assert arguments[1] in err
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("frames", "--at", "1000"), "1000"),
            (("frames", "--at=-1"), "-1"),
            (("frames", "--index", "5000"), "there is no frame 5000"),
            (("frames", "--index", "5000:"), "no frame in that range"),
            (("frames", "--index", "0", "--stream", "1"), "stream 1"),
            (("sheet", "--stream", "9"), "stream 9"),
            (("sheet", "-o", "/dev/null/sheet.png"), "/dev/null"),
        ],
    )
    def test_bad_requests(self, arguments, words, clip, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert run(arguments[0], clip, *arguments[1:]) == 1
        err = capsys.readouterr().err
        assert words in err
        assert err.startswith("cycodec: ")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ("info",),
            ("nonsense",),
            ("frames", "x.mp4"),
            ("frames", "x.mp4", "--at", "soon"),
            ("frames", "x.mp4", "--at", "1:2:3:4"),
            ("frames", "x.mp4", "--at", "1,5"),
            ("frames", "x.mp4", "--at", "1", "2"),
            ("verify",),
            ("explain",),
            ("explain", "x.mp4", "--index", "one"),
            ("cut", "x.mp4", "--start=-1", "-o", "y.mp4"),
            ("frames", "x.mp4", "--index", "1:2:0"),
            ("frames", "x.mp4", "--index", "1,,2"),
            ("frames", "x.mp4", "--index", "-"),
            ("frames", "x.mp4", "--index", "0", "--format", "bmp"),
            ("sheet", "x.mp4", "--columns", "0"),
            ("sheet", "x.mp4", "-o", "sheet"),
            ("sheet", "x.mp4", "-o", "sheet.xyz"),
            ("info", "--frobnicate"),
        ],
    )
    def test_wrong_usage(self, arguments, capsys):
        assert run(*arguments) == 2
        err = capsys.readouterr().err
        assert "Error: " in err
        assert "Traceback" not in err

    def test_traceback_on_demand(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            run("sheet", tmp_path / "none.mp4", "--traceback")
        with pytest.raises(FileNotFoundError):
            run("info", "--traceback", tmp_path / "none.mp4")

    def test_bugs_are_named_as_such(self, clip, monkeypatch, capsys):
        monkeypatch.setattr(_sheet_command, "draw_sheet", lambda *a, **k: None.size)
        assert run("sheet", clip, "-o", "sheet.png") == 1
        assert "AttributeError" in capsys.readouterr().err

    def test_interrupted(self, clip, monkeypatch, capsys):
        def interrupt(*arguments, **keywords):
            raise KeyboardInterrupt

        monkeypatch.setattr(_sheet_command, "draw_sheet", interrupt)
        assert run("sheet", clip, "-o", "sheet.png") == 130
        assert capsys.readouterr().err.strip() == "cycodec: interrupted"

    def test_reader_of_the_output_goes_away(self, clip):
        command = f"{sys.executable} -m cycodec info --json " + f"'{clip}' " * 60 + "| true"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert done.stderr == ""

    @pytest.mark.parametrize(("module", "package"), [("click", "click"), ("rich", "rich"), ("PIL", "pillow")])
    def test_missing_extra(self, module, package):
        program = f"import sys; sys.modules[{module!r}] = None; "
        program += "from cycodec._cli.app import main; sys.exit(main(['info', 'x']))"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr == (
            f"cycodec: the command line needs {package}, which is not installed: pip install 'cycodec[cli]'\n"
        )


class TestHelp:
    @pytest.mark.parametrize("command", ["info", "frames", "sheet", "index", "explain", "verify", "doctor"])
    def test_every_command_has_examples(self, command, capsys):
        assert run(command, "--help") == 0
        printed = capsys.readouterr().out
        assert f"  cycodec {command}" in printed.split("Examples:")[1]

    def test_group(self, capsys):
        assert run("--help") == 0
        assert "Examples:" in capsys.readouterr().out
        for option in ("--version", "-V"):
            assert run(option) == 0
            assert capsys.readouterr().out.startswith("cycodec 0.")

    def test_as_module(self):
        done = subprocess.run([sys.executable, "-m", "cycodec", "--help"], capture_output=True, text=True)
        assert done.returncode == 0
        assert done.stdout.startswith("Usage: cycodec ")


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0:00.000"),
            (59.9996, "1:00.000"),
            (61.5, "1:01.500"),
            (3661.25, "1:01:01.250"),
            (-0.5, "-0:00.500"),
            (-1e-9, "0:00.000"),
        ],
    )
    def test_clock(self, seconds, text):
        assert _text.clock(seconds) == text

    @pytest.mark.parametrize(
        ("size", "text"),
        [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (3_291_918, "3.29 MB"), (5e12, "5000 GB")],
    )
    def test_file_size(self, size, text):
        assert _text.file_size(size) == text

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("a/b/clip.mp4", "clip.mp4"),
            ("https://host/clip.mp4?token=a/b", "clip.mp4"),
            ("clip?.mp4", "clip?.mp4"),
        ],
    )
    def test_name(self, source, name):
        assert _text.name_of(source) == name
