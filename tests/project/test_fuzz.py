"""A minute of tools/fuzz with a fixed seed, and the fuzzer itself."""

import os
import random
import subprocess
import sys
from pathlib import Path

import media
import mutations
import pytest
import recipes
from mutations.boxes import ebml_elements, mp4_boxes, riff_chunks

ROOT = Path(__file__).resolve().parents[2]
FUZZ = ROOT / "tools" / "verify" / "fuzz.py"
CORPUS = ROOT / "build" / "fuzz"
SEED = 17


def fuzz(*options, timeout=600):
    """Runs tools/fuzz without its set-up."""
    command = [sys.executable, FUZZ, "--folder", CORPUS, *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a child are Linux's")
def test_a_minute_of_mutated_files():
    """Nothing crashes, hangs, takes much memory or raises an error without a type.

    What fails is named by a command that repeats it: ``tools/fuzz --reproduce FILE SEED``.
    """
    done = fuzz("--minutes", 1, "--seed", SEED, "--no-order")
    assert done.returncode == 0, done.stdout + done.stderr
    executions = int(done.stdout.splitlines()[-1].split()[0])
    assert executions > 200


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a child are Linux's")
def test_many_mutated_images():
    done = fuzz("--minutes", 0.3, "--seed", SEED, "--one-use", "--only", "image")
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1].split()[0]) > 500


FAULTS = {
    "crash": ("import os; os.abort()", "SIGABRT"),
    "hang": ("while True: pass", "hang"),
    "memory": ("import fuzz_child; bytearray(fuzz_child.PEAK + (100 << 20)).count(1)", "memory"),
    "untyped": ("raise OverflowError('too large')", "OverflowError: too large"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a child are Linux's")
@pytest.mark.parametrize("fault", FAULTS)
def test_the_fuzzer_finds_a_fault(fault, tmp_path):
    """A child with a fault planted in it is reported with the command that repeats it."""
    code, expected = FAULTS[fault]
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if any('fuzz_child' in argument for argument in sys.orig_argv):\n"
        "    import cycodec.decoders\n"
        f"    def planted(*arguments, **options):\n        {code}\n"
        "    cycodec.decoders.get_container_metadata = planted\n"
    )
    data = tmp_path / "a.wav"
    data.write_bytes(b"RIFF" + bytes(40))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, FUZZ, "--seconds", "3", "--reproduce", data, "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert expected in done.stdout
    assert f"--reproduce {data} 5" in done.stdout


def test_a_file_of_the_corpus_that_cannot_be_made_is_reported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(FUZZ.parent))
    import fuzz_corpus

    broken = {"good.wav": fuzz_corpus.TONE, "bad.mp4": f"{fuzz_corpus.PICTURE} -c:v mpeg4 -no_such_option 1"}
    broken["other.mp4"] = f"{fuzz_corpus.PICTURE} -c:v no_such_encoder"
    monkeypatch.setattr(fuzz_corpus, "CORPUS", broken)
    monkeypatch.setattr(fuzz_corpus, "INDEXED", ())
    files, failures, absent = fuzz_corpus.corpus(tmp_path / "corpus", None, None, lambda folder: None)
    assert [file.name for file in files] == ["good.wav"]
    assert list(failures) == ["bad.mp4"]
    assert "no_such_option" in failures["bad.mp4"]
    assert absent == ["other.mp4"]


def test_mutations_are_repeatable_and_keep_the_structure(tmp_path):
    """A mutated file is another one, and mostly still has its boxes."""
    walkers = {"mp4": mp4_boxes, "mkv": ebml_elements, "avi": riff_chunks}
    for name in ("h264_plain.mp4", "h264.mkv", "mjpeg.avi"):
        data = media.path(name).read_bytes()
        suffix = name.rpartition(".")[2]
        whole = len(list(walkers[suffix](data)))
        kept = []
        for seed in range(60):
            changed = mutations.mutate(data, suffix, seed)
            assert changed == mutations.mutate(data, suffix, seed)
            kept.append(len(list(walkers[suffix](changed))) > whole // 2)
        assert sum(kept) > 20
    dice = random.Random(3)
    for suffix in mutations.BY_SUFFIX:  # bytes of any kind, also none
        for size in (0, 1, 7, 200):
            mutations.mutate(bytes(dice.randrange(256) for _ in range(size)), suffix, dice.randrange(1000))


def test_the_ffmpeg_of_the_tests_makes_the_whole_corpus():
    """No container goes untested unnoticed."""
    if "5.1" not in recipes.ffmpeg_version():
        pytest.skip("the encoders of other versions differ")
    done = fuzz("--minutes", 0.001, "--no-order")
    assert "cannot be made" not in done.stdout
