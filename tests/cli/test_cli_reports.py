"""The commands that report about a file, standard input, and what they print in a pipe."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cycodec._cli import app as cli
from cycodec._cli import audio_verification, check, standard_input, verification
from cycodec._cli.audio_verification import AudioVerification
from cycodec._cli.check import Check
from cycodec.decoders import AudioDecoder, VideoDecoder, get_container_metadata

NAME = "h264_sound.mp4"


@pytest.fixture
def clip(make_media):
    return str(make_media(NAME))


@pytest.fixture
def tagged(clip, tmp_path):
    """A file with tags, a language, and two chapters."""
    chapters = tmp_path / "chapters.txt"
    text = ";FFMETADATA1\ntitle=A walk\n"
    for begin, title in ((0, "Out"), (500, "Back")):
        text += f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={begin}\nEND={begin + 500}\ntitle={title}\n"
    chapters.write_text(text)
    path = tmp_path / "tagged.mkv"
    command = ["ffmpeg", "-v", "error", "-i", clip, "-i", chapters, "-map", "0", "-map_metadata", "1"]
    subprocess.run([*command, "-metadata:s:a", "language=deu", "-c", "copy", path], check=True)
    return str(path)


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def piped(arguments, data):
    """Run the command line in a process of its own, with bytes on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "cycodec", *map(str, arguments)], input=data, capture_output=True
    )


class TestTags:
    def test_metadata(self, tagged):
        metadata = get_container_metadata(tagged)
        assert metadata.format == "matroska,webm"
        assert metadata.tags["title"] == "A walk"
        assert [(c.begin_seconds, c.end_seconds, c.tags["title"]) for c in metadata.chapters] == [
            (0.0, 0.5, "Out"),
            (0.5, 1.0, "Back"),
        ]
        assert metadata.best_audio_stream.tags["language"] == "deu"
        assert AudioDecoder(tagged).metadata.tags["language"] == "deu"

    def test_info(self, tagged, capsys):
        assert run("info", tagged) == 0
        printed = capsys.readouterr().out
        samples = len(AudioDecoder(tagged))
        for words in ("title A walk", "language deu", "0:00.500 to 0:01.000, Back", f"{samples} samples"):
            assert words in printed

    def test_json(self, tagged, capsys):
        assert run("info", "--json", tagged) == 0
        (description,) = json.loads(capsys.readouterr().out)
        container = description["container"]
        assert container["tags"]["title"] == "A walk"
        assert [chapter["tags"]["title"] for chapter in container["chapters"]] == ["Out", "Back"]
        assert container["streams"][1]["num_samples_from_content"] == len(AudioDecoder(tagged))


def test_a_saved_index_is_named_where_a_video_is_wanted(clip, tmp_path, capsys):
    index = tmp_path / "clip.idx"  # FFmpeg takes the suffix for subtitles
    assert run("index", clip, "-o", index) == 0
    for command in ("frames", "explain"):
        assert run(command, index, "--index", "0") == 1
        assert "it is a frame index that cycodec has saved" in capsys.readouterr().err


class TestPipes:
    def test_lines_have_tabs_and_no_padding(self, clip, capsys):
        assert run("info", clip) == 0
        lines = capsys.readouterr().out.splitlines()
        assert all(line.count("\t") == 2 and line.startswith(f"{clip}\t") for line in lines)
        assert not any("  " in line for line in lines)

    def test_commands_that_write_files(self, clip, tmp_path, capsys):
        part, index, sheet = tmp_path / "part.mp4", tmp_path / "clip.idx", tmp_path / "sheet.png"
        for arguments in (
            ("frames", clip, "--index", "0,1", "-o", tmp_path / "frames"),
            ("sheet", clip, "-o", sheet),
            ("index", clip, "-o", index),
            ("cut", clip, "-o", part),
            ("concat", part, part, "-o", tmp_path / "twice.mp4"),
            ("encode", tmp_path / "frames", "--codec", "mpeg4", "-o", tmp_path / "again.mp4"),
            ("transcode", clip, "--codec", "mpeg4", "--no-audio", "-o", tmp_path / "small.mp4"),
        ):
            assert run(*arguments) == 0
            lines = capsys.readouterr().out.splitlines()
            assert lines
            assert all("\t" in line and "  " not in line for line in lines), arguments

    def test_doctor(self, capsys):
        assert run("doctor") == 0
        *lines, last = capsys.readouterr().out.splitlines()
        assert last == "cycodec can decode here."
        assert all(line.split("\t")[0] in ("ok", "note") for line in lines)

    def test_head_ends_quietly(self, clip):
        program = f"'{sys.executable}' -m cycodec info " + f"'{clip}' " * 40 + "| head -n 1"
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has this device")
    @pytest.mark.parametrize(
        ("target", "words"),
        [
            (">/dev/full", "cannot write the output: No space left on device"),
            (">&-", "standard output is closed"),
        ],
    )
    def test_output_that_cannot_be_written(self, clip, target, words):
        program = f"'{sys.executable}' -m cycodec info '{clip}' {target}"
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr == f"cycodec: {words}\n"


class TestStandardInput:
    @pytest.mark.parametrize("command", ["info", "verify", "explain"])
    def test_reports(self, command, clip):
        done = piped([command, "-"], Path(clip).read_bytes())
        assert done.returncode == 0, done.stderr
        assert b"standard input" in done.stdout
        assert b"/stdin" not in done.stdout

    def test_regular_file_is_not_copied(self, clip, tmp_path):
        with open(clip, "rb") as file:
            command = [sys.executable, "-m", "cycodec", "sheet", "-", "-o", tmp_path / "sheet.png"]
            done = subprocess.run(command, stdin=file, capture_output=True, env={"TMPDIR": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]

    def test_default_names(self, clip, tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "cycodec", "index", "-"],
            input=Path(clip).read_bytes(),
            capture_output=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert len(VideoDecoder(clip, index=tmp_path / "stdin.idx")) == len(VideoDecoder(clip))

    def test_bad_bytes(self):
        done = piped(["sheet", "-"], b"Once upon a time\n" * 20)
        assert done.returncode == 1
        assert done.stderr.startswith(b"cycodec: standard input: ")
        assert done.stderr.count(b"\n") == 1

    def test_nothing_is_left_behind(self, clip, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with open(clip, "rb") as file:
            monkeypatch.setattr(standard_input.sys, "stdin", io.TextIOWrapper(file))
            assert run("info", "-") == 0
        assert list(tmp_path.iterdir()) == []

    def test_limit(self, clip):
        command = [sys.executable, "-m", "cycodec", "info", "-"]
        environment = {"CYCODEC_MAX_SPOOL_BYTES": "1000"}
        done = subprocess.run(command, input=Path(clip).read_bytes(), capture_output=True, env=environment)
        assert done.returncode == 1
        assert b"max_spool_bytes" in done.stderr

    def test_terminal(self, monkeypatch, capsys):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        monkeypatch.setattr(standard_input.sys, "stdin", Terminal())
        assert run("info", "-") == 2
        assert "is a terminal" in capsys.readouterr().err


class TestVerify:
    def test_healthy(self, clip, capsys):
        assert run("verify", clip, "--every") == 0
        printed = capsys.readouterr().out
        count = len(VideoDecoder(clip))
        for words in (f"random order: {count} frames", f"fresh decoders: {count} frames", "ffmpeg command"):
            assert words in printed
        assert "\ndiffers" not in printed

    def test_json(self, clip, capsys):
        assert run("verify", clip, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        statuses = {check["name"].split(" command")[0]: check["status"] for check in report["checks"]}
        assert (
            statuses["random order"]
            == statuses["ffmpeg"]
            == statuses["audio by the ffmpeg"]
            == statuses["audio in windows"]
            == "ok"
        )
        assert report["num_frames"] == len(VideoDecoder(clip))
        assert "libavcodec" in report["environment"]["FFmpeg"]

    @pytest.mark.parametrize(
        ("method", "name"),
        [
            ("check_random_order", "random order"),
            ("check_fresh", "first reads"),
            ("check_threads", "several threads"),
            ("check_saved_index", "saved index"),
            ("check_command", "ffmpeg command"),
        ],
    )
    def test_a_wrong_frame_is_found(self, clip, method, name):
        verified = verification.Verification(clip, None, every=True)
        verified.reference[0] = "0" * 32
        result = getattr(verified, method)()
        assert result.status == "differs"
        assert result.name.startswith(name)
        assert "frame 0" in result.detail

    def test_a_wrong_index_is_found(self, clip):
        verified = verification.Verification(clip, None)
        verified.listed += 1
        assert verified.check_confirmed().status == "differs"

    def test_wrong_length_of_sound_is_found(self, clip, monkeypatch):
        monkeypatch.setattr(AudioDecoder, "__len__", lambda self: 7)
        assert AudioVerification(clip).check_windows().status == "differs"

    @pytest.mark.parametrize("method", ["check_windows", "check_fresh"])
    def test_wrong_sample_is_found(self, clip, method):
        verified = AudioVerification(clip)
        verified.whole[0, 0] += 0.5
        assert getattr(verified, method)().status == "differs"

    def test_wrong_sample_after_a_seek_is_a_note(self, clip):
        verified = AudioVerification(clip)
        verified.whole[0, 0] += 0.5
        result = verified.check_seeks()
        assert result.status == "note"
        assert "0.5 of full scale" in result.detail

    def test_samples_that_are_not_the_commands(self, clip, monkeypatch):
        verified = AudioVerification(clip)
        assert verified.check_command().status == "ok"
        monkeypatch.setattr(audio_verification, "SECONDS_PER_CHUNK", 1e9)
        whole = AudioDecoder.chunks
        monkeypatch.setattr(AudioDecoder, "chunks", lambda self, seconds: list(whole(self, 0.1))[1:])
        assert verified.check_command().status == "differs"

    def test_audio_alone(self, clip, tmp_path, capsys):
        path = tmp_path / "sound.m4a"
        subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-vn", "-c", "copy", path], check=True)
        assert run("verify", path) == 0
        printed = capsys.readouterr().out
        assert f"sound.m4a, stream 0, {len(AudioDecoder(path))} samples\n" in printed
        assert "\nok\taudio windows by fresh decoders: " in printed
        assert "\nok\taudio by the ffmpeg command" in printed
        assert "frames" not in printed
        assert run("verify", path, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert report["num_frames"] is report["stream_index"] is None
        assert report["num_samples"] == len(AudioDecoder(path))

    def test_stream_chooses_the_audio(self, clip, capsys):
        assert run("verify", clip, "--stream", "1") == 0
        assert "random order" not in capsys.readouterr().out
        assert run("verify", clip, "--stream", "7") == 1
        assert "stream" in capsys.readouterr().err

    def test_status_and_last_line(self, clip, monkeypatch, capsys):
        bad = Check("random order", "differs", "frame 3 of 9")
        monkeypatch.setattr(verification.Verification, "check_random_order", lambda self: bad)
        assert run("verify", clip) == 1
        assert capsys.readouterr().out.splitlines()[-1] == "1 of 12 checks differ: random order"

    def test_without_the_command(self, clip, monkeypatch):
        verified = verification.Verification(clip, None)
        monkeypatch.setattr(check.shutil, "which", lambda name: None)
        assert verified.check_command().status == "skipped"
        assert AudioVerification(clip).check_command().status == "skipped"


class TestExplain:
    def test_words(self, clip, capsys):
        assert run("explain", clip, "--index", "3", "--index", "0:10", "--index", "2,8") == 0
        printed = capsys.readouterr().out
        for words in (
            "headers",
            f"{len(VideoDecoder(clip))} frames",
            'device="cuda"',
            "\n3\t1\t",
            "\n0:10\t10\t",
        ):
            assert words in printed
        assert "\n2,8\t2\t" in printed

    def test_json_counts_what_a_decoder_counts(self, clip, capsys):
        assert run("explain", clip, "--index", "0:10", "--json") == 0
        explained = json.loads(capsys.readouterr().out)
        (cost,) = explained["costs"]
        decoder = VideoDecoder(clip, num_threads=1)
        before = decoder.counters
        decoder[0:10]
        assert cost["frames_decoded"] == decoder.counters.frames_decoded - before.frames_decoded
        assert cost["plan"] == decoder.plan(slice(0, 10))._asdict()

    def test_scanned_file(self, make_media, capsys):
        assert run("explain", make_media("h264.ts")) == 0
        assert "every packet was read" in capsys.readouterr().out

    def test_list_with_a_slice(self, clip, capsys):
        assert run("explain", clip, "--index", "1,2:3") == 2

    def test_frame_outside(self, clip, capsys):
        assert run("explain", clip, "--index", "5000") == 1
        assert "5000" in capsys.readouterr().err


class TestPlan:
    @pytest.mark.parametrize(
        "key", [0, -1, slice(0, 10), slice(None, None, -7), [5, 1, 1], ..., (slice(3), 0)]
    )
    def test_is_an_upper_bound(self, clip, key):
        decoder = VideoDecoder(clip, num_threads=1)
        plan, before = decoder.plan(key), decoder.counters
        decoder[key]
        after = decoder.counters
        assert after.frames_decoded - before.frames_decoded <= plan.frames_decoded + 1
        assert after.frames_converted - before.frames_converted == plan.frames_wanted
        assert after.seeks - before.seeks <= plan.seeks

    def test_decodes_nothing(self, clip):
        decoder = VideoDecoder(clip)
        before = decoder.counters
        decoder.plan(slice(None))
        assert decoder.counters == before

    def test_empty(self, clip):
        assert VideoDecoder(clip).plan(slice(0, 0)) == (0, 0, 0, 0)

    def test_refusals(self, clip):
        with pytest.raises(IndexError):
            VideoDecoder(clip).plan(10_000)
        with pytest.raises(ValueError, match="approximate"):
            VideoDecoder(clip, seek_mode="approximate").plan(0)
