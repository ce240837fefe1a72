"""tools/bench: its arithmetic on invented times, and a small real run from request to report."""

import argparse
import dataclasses
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import audio_media
import media
import numpy as np
import pytest
import torch
from rich.console import Console

import cycodec

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))

from benchmark import (  # noqa: E402
    audio,
    checkouts,
    clips,
    figures,
    gallery,
    images,
    machine,
    peers,
    report,
    runner,
    settings,
    training,
    turns,
    worker,
    workloads,
)
from benchmark.peers import PEERS  # noqa: E402


def measured(wall, verdict="agrees"):
    """Returns an entry whose CPU time is half its wall time, and whose memory grew by 10 bytes."""
    return {
        "wall": list(wall),
        "cpu": [time / 2 for time in wall],
        "open": [0.5] * len(wall),
        "rss_before": [100] * len(wall),
        "rss_peak": [110] * len(wall),
        "frames": 10,
        "first_call": 9.0,
        "difference": 0.0,
        "verdict": verdict,
    }


def result_of(**libraries):
    place = {"clip": "a", "workload": "uniform10", "threads": 1, "cache": "warm"}
    result = {**place, "kept": True, "libraries": libraries}
    figures.add_ratios(result)
    return result


def test_ratio_is_the_median_of_pairs_not_the_ratio_of_medians():
    base, peer = [1.0, 10.0, 2.0], [2.0, 10.0, 6.0]
    assert figures.paired_ratio(peer, base) == 2.0  # pairs 2, 1, 3; the medians would give 6 / 2 = 3
    with pytest.raises(ValueError, match="rounds do not pair: 2 and 3"):
        figures.paired_ratio(peer[:2], base)
    with pytest.raises(ValueError, match="rounds do not pair"):
        figures.paired_ratio([], [])


def test_ratios_medians_and_memory_of_a_result():
    result = result_of(
        cycodec=measured([1.0, 2.0, 4.0]),
        av=measured([3.0, 4.0, 4.0]),
        spdl={"unsupported": "no access frame by frame"},
        decord={"error": "died"},
    )
    assert result["ratios"] == {"av": {"wall": 2.0, "cpu": 2.0}}
    base = result["libraries"]["cycodec"]
    assert base["median"] == {"wall": 2.0, "cpu": 1.0, "open": 0.5}
    assert (base["peak_rss"], base["rss_growth"]) == (110, 10)
    assert "median" not in result["libraries"]["spdl"]


def test_best_peer_must_be_right_and_the_floor_is_no_peer():
    result = result_of(
        cycodec=measured([2.0]),
        av=measured([1.8]),
        decord=measured([0.5], "other frames"),
        opencv=measured([0.6], "9 of 10 frames"),
        torchcodec=measured([1.0], "other colours"),
        floor=measured([0.1], ""),
    )
    assert figures.best_peer(result) == "torchcodec"
    place = {"clip": "a", "workload": "uniform10", "threads": 1, "cache": "warm"}
    assert figures.slower_than_best([result]) == [{**place, "peer": "torchcodec", "wall": 0.5, "cpu": 0.5}]
    assert {row["library"] for row in figures.summary([result])} == {"av", "torchcodec", "floor"}


def test_summary_spans_the_clips_and_a_draw_is_not_slower():
    even, ahead = (
        result_of(cycodec=measured([1.0]), av=measured([0.999])),
        result_of(cycodec=measured([1.0]), av=measured([3.0])),
    )
    assert figures.slower_than_best([even, ahead]) == []
    (row,) = figures.summary([even, ahead])
    assert (row["low"], row["high"], row["clips"]) == (0.999, 3.0, 2)
    assert row["median"] == pytest.approx(1.9995)


def test_verdict_tells_colours_filters_and_frames_apart():
    random = np.random.default_rng(0)
    ours = random.integers(30, 200, (4, 24, 32, 3), dtype=np.uint8)
    near = ours + random.integers(0, 2, ours.shape, dtype=np.uint8)
    assert figures.verdict(near, ours)["verdict"] == "agrees"
    # limited range shown as full range is one affine map for all pixels
    stretched = ((ours.astype(np.float32) - 16) * 255 / 219).clip(0, 255).astype(np.uint8)
    assert figures.verdict(stretched, ours)["verdict"] == "other colours"
    shifted = np.roll(ours, 1, axis=0)
    judged = figures.verdict(shifted, ours)
    assert judged["verdict"] == "other frames"
    assert judged["difference"] == pytest.approx(
        np.abs(shifted - ours.astype(float)).mean((1, 2, 3)).max(), rel=1e-5
    )
    assert figures.verdict(ours + 8, ours, scaled=True)["verdict"] == "other filter"
    assert figures.verdict(ours[:, :12], ours)["verdict"] == "shape (12, 32, 3)"


@pytest.mark.parametrize("name", ["first100", "floats", "gray", "rgba", "yuv"])
def test_frames_have_the_channels_and_the_type_of_their_workload(name):
    path = str(media.path("h264_plain.mp4"))
    case = workloads.Case(name, [path], 75, list(range(5)), 128, 96, True, [])
    assert worker.measure(peers.peer_class("cycodec")(1), case, 1)["frames"] == 5
    other = workloads.Case(name, [path], 75, list(range(5)), 64, 96, True, [])
    with pytest.raises(ValueError, match=r"frame 0 is .*, not"):
        worker.measure(peers.peer_class("cycodec")(1), other, 1)


@pytest.mark.parametrize("n", [1, 2, 9, 10, 11, 300])
def test_every_request_is_within_the_clip(n):
    for name, workload in workloads.WORKLOADS.items():
        indices = workload.indices(n)
        assert all(0 <= i < n for i in indices), name
        assert len(set(indices)) == len(indices), name
    assert workloads.uniform(300) == [0, 33, 66, 100, 133, 166, 199, 233, 266, 299]
    assert workloads.shuffled(n) == workloads.shuffled(n)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One second with B-frames, which is long enough for every workload."""
    path = tmp_path_factory.mktemp("bench") / "second.mp4"
    arguments = "-f lavfi -i testsrc2=s=160x96:r=24:d=1,hue=h=90*t -c:v libx264 -bf 2 -g 12 -pix_fmt yuv420p"
    return clips.Clip(
        name="second",
        paths=[str(clips.encode(path, arguments))],
        bytes=path.stat().st_size,
        codec="h264",
        width=160,
        height=96,
        frames=24,
        key_frames=2,
        b_frames=2,
        fps=24.0,
        seconds=1.0,
    )


def importable():
    """Returns cycodec and the peers that this interpreter can import."""
    modules = {
        "cycodec": "cycodec",
        "torchcodec": "torchcodec",
        "av": "av",
        "decord": "decord",
        "opencv": "cv2",
    }
    return [name for name, module in modules.items() if importlib.util.find_spec(module)]


def test_small_run_from_request_to_report(clip):
    libraries = importable()
    assert libraries[0] == "cycodec"
    names = [
        "open",
        "open_header",
        "open_first",
        "first100",
        "all",
        "loop",
        "uniform10",
        "random10",
        "middle",
    ]
    part = runner.run([clip], [*names, "many"], dict.fromkeys(libraries, sys.executable), rounds=3)
    assert part["absent"] == {}
    assert list(part["versions"]) == libraries
    results = part["results"]
    assert [result["workload"] for result in results] == names  # "many" is for sets of clips
    for result in results:
        expected = len(workloads.WORKLOADS[result["workload"]].indices(24))
        ours = result["libraries"]["cycodec"]
        assert "error" not in ours, ours
        assert ours["frames"] == expected
        assert ours["verdict"] == ("agrees" if expected else "")
        for key in ("wall", "cpu", "open", "rss_before", "rss_peak"):
            assert len(ours[key]) == 3
        assert min(ours["wall"]) > 0
        assert min(ours["rss_peak"]) >= 10e6
        assert set(result["ratios"]) == {
            name for name in libraries[1:] if "wall" in result["libraries"][name]
        }
    whole = {
        "date": "today",
        "command": "tools/bench",
        "minutes": 0.1,
        "settings": {"rounds": 3, "base": "cycodec"},
        "machine": machine.facts(),
        **part,
        "clips": [clips.asdict(clip)],
        "summary": figures.summary(results),
        "slower": figures.slower_than_best(results),
    }
    assert json.loads(json.dumps(whole)) == whole
    page = report.markdown(whole)
    assert "h264 160x96, 24 fps, 1.0 s, 24 frames, 2 key frames" in page
    for name in names:
        assert f"| {workloads.WORKLOADS[name].title} |" in page


@pytest.fixture
def before(tmp_path):
    """Another checkout of cycodec: a copy of this one's package."""
    shutil.copytree(Path(cycodec.__file__).parent, tmp_path / "before" / "cycodec")
    return tmp_path / "before"


def test_another_checkout_takes_part_as_a_peer(clip, before):
    name = checkouts.name_of(before)
    assert name == "cycodec (before)"
    pythons = dict.fromkeys(["cycodec", name], sys.executable)
    part = runner.run([clip], ["open", "first100"], pythons, rounds=3, processes=2, checkouts={name: before})
    assert part["absent"] == {}
    for result in part["results"]:
        theirs = result["libraries"][name]
        assert theirs["verdict"] == result["libraries"]["cycodec"]["verdict"] != "other frames"
        assert len(theirs["wall"]) == 3 * 2  # rounds of both processes
        assert set(result["ratios"]) == {name}
    whole = {
        "settings": {"rounds": 3, "base": "cycodec"},
        **part,
        "clips": [clips.asdict(clip)],
        "summary": figures.summary(part["results"]),
        "slower": figures.slower_than_best(part["results"]),
    }
    assert report.libraries_of(whole) == ["cycodec", name]
    table = io.StringIO()
    report.print_report(whole, Console(file=table, width=160))
    assert name in table.getvalue()


@pytest.mark.parametrize("base_is_other", [False, True])
def test_the_chart_shows_another_checkout(clip, before, tmp_path, base_is_other):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from benchmark import chart

    name = checkouts.name_of(before)
    place = {"clip": "a", "workload": "uniform10", "threads": 1, "cache": "warm"}
    base, peer = (name, "cycodec") if base_is_other else ("cycodec", name)
    result = {**place, "libraries": {base: measured([1.0]), peer: measured([2.0])}}
    figures.add_ratios(result, base)
    whole = {
        "settings": {"base": base},
        "versions": {base: {}, peer: {}},
        "results": [result],
        "summary": figures.summary([result]),
    }
    chart.draw(whole, tmp_path / "chart.png", 1, "warm")
    assert (tmp_path / "chart.png").stat().st_size > 1000


def test_another_checkout_has_to_be_built_and_to_be_the_one_that_is_imported(clip, tmp_path):
    with pytest.raises(ValueError, match="holds no cycodec that is built in place"):
        checkouts.name_of(tmp_path)
    name = "cycodec (none)"
    part = runner.run(
        [clip],
        ["open"],
        dict.fromkeys(["cycodec", name], sys.executable),
        rounds=1,
        checkouts={name: tmp_path},
    )
    assert f"not from {tmp_path}" in part["absent"][name] or "No module" in part["absent"][name]


def test_the_training_benchmark_takes_another_checkout(before):
    python = before / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    name = checkouts.name_of(before)
    server = turns.Server("benchmark.training", name, [], before)
    assert server.ask("no such workload") == "-"
    server.close()
    assert server.checkout == before
    assert training.is_cycodec(name)
    assert not training.is_cycodec("av")


def test_a_commit_names_a_checkout(tmp_path):
    (tmp_path / "cycodec" / "core").mkdir(parents=True)
    (tmp_path / "cycodec" / "core" / "error.so").touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    assert checkouts.name_of(tmp_path) == f"cycodec ({commit.stdout.strip()})"


def test_a_library_that_does_not_start_is_named(clip, tmp_path):
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nexit 3\n")
    dying.chmod(0o755)
    part = runner.run([clip], ["open"], {"cycodec": sys.executable, "av": dying}, rounds=1)
    assert part["absent"] == {"av": "av: the worker died with status 3; see build/bench/scratch/av.log"}
    assert list(part["results"][0]["libraries"]) == ["cycodec"]
    with pytest.raises(RuntimeError, match="cycodec: the worker died with status 3"):
        runner.run([clip], ["open"], {"cycodec": dying}, rounds=1)


def test_large_files_are_only_opened(clip):
    large = dataclasses.replace(clip, bytes=workloads.LARGE_BYTES)
    asked = [name for name in workloads.WORKLOADS if workloads.case_for(name, large)]
    assert asked == ["open", "open_header", "open_first"]


def test_every_setting_of_threads_does_every_workload(clip, monkeypatch):
    monkeypatch.setattr(clips, "gather", lambda words: [clip])
    cases = settings.cases([])
    assert len(cases) == len(settings.CHOSEN)
    for name, options in settings.SETTINGS.items():
        peer = PEERS["cycodec"](1)
        peer.options = options
        for case in cases.values():
            settings.do(peer, case)
        reader = peer.open(clip.paths[0])
        assert peer.indexed_count(reader) == clip.frames, name
        assert reader._session.options.ffmpeg_threads == options.get("num_ffmpeg_threads", 1)
        peer.close(reader)


def test_audio_is_compared_with_every_peer(tmp_path):
    (tmp_path / "small.wav").write_bytes(b"")
    asked = [(method, arguments) for method, arguments in audio.workloads(tmp_path).values()]
    assert {method for method, _ in asked} == {"whole", "windows", "small", "resampled"}
    late = {Path(path).name for method, (path, *rest) in asked if method == "windows" and rest[0][0] > 10_000}
    assert late == {"long.flac", "long.mp3", "long.m4a", "long.opus"}
    assert list(audio.LIBRARIES) == ["cycodec", "torchcodec", "soundfile", "av", "ffmpeg"]


def test_images_are_compared_with_every_peer(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "SIZES", {"500x375": (60, 48), "12 MP": (120, 96)})
    images.make_files(tmp_path)
    titles = images.workloads(tmp_path, 100)
    assert "100 JPEG of 500x375, 2 threads, to 224" in titles
    assert "1 PNG of 12 MP, 1 thread" in titles
    files, kind, method, _ = titles["100 JPEG of 500x375, 1 thread"]
    for library in (images.Cycodec(), images.Pillow()):
        for threads in (1, 2):
            library.run(files[:3], kind, method, threads)
            library.run(files[:3], kind, "small", threads)


def test_a_library_that_did_nothing_has_one_line():
    ours, gone = {"seconds": 0.002}, {"error": "it ended"}
    rows = {
        "a": {"cycodec": ours, "one": {"ratio": 1.5}, "two": gone},
        "b": {"cycodec": ours, "one": {"error": "refused"}, "two": gone},
    }
    assert turns.table_lines("ms", rows, lambda name, seconds: f"{1000 * seconds:.1f}") == [
        "| | cycodec, ms | one |",
        "|---|---:|---:|",
        "| a | 2.0 | 1.50 |",
        "| b | 2.0 | - |",
        "",
        "- one, b: refused",
        "- two, everything: it ended",
    ]


def test_audio_of_all_libraries_is_the_same():
    """The test compares the libraries that this interpreter can import."""
    modules = {"torchcodec": "torchcodec", "soundfile": "soundfile", "av": "av"}
    wav, flac = (str(audio_media.path(name)) for name in ("pcm_s16le.wav", "flac.flac"))
    ours = audio.Cycodec()
    requests = {"whole": (flac,), "small": (Path(wav).read_bytes(),), "windows": (flac, [2.5, 1.0], 1)}
    for name, (library, _) in audio.LIBRARIES.items():
        if name in modules and importlib.util.find_spec(modules[name]) is None:
            continue
        for method, arguments in requests.items():
            if hasattr(library, method):
                theirs, mine = (getattr(kind, method)(*arguments) for kind in (library(), ours))
                for one, other in zip(theirs, mine, strict=True):
                    torch.testing.assert_close(getattr(one, "data", one), other, rtol=0, atol=2e-5)
        if name == "ffmpeg":
            assert torch.equal(library().resampled(wav), ours.resampled(wav))


def test_a_wheel_takes_part(tmp_path, monkeypatch):
    monkeypatch.setattr(checkouts, "BUILD", tmp_path / "build")
    wheel = tmp_path / "cycodec-9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("cycodec/__init__.py", "version = 9")
    parser = argparse.ArgumentParser()
    ((name, folder),) = checkouts.chosen(parser, wheel).items()
    assert checkouts.is_checkout(name)
    assert (folder / "cycodec" / "__init__.py").read_text() == "version = 9"


def test_what_is_neither_checkout_nor_wheel_is_refused(tmp_path, capsys):
    broken = tmp_path / "broken.whl"
    broken.write_text("not a wheel")
    parser = argparse.ArgumentParser()
    for path in (broken, tmp_path / "absent.whl", tmp_path):
        with pytest.raises(SystemExit):
            checkouts.chosen(parser, path)
        assert "--against" in capsys.readouterr().err


def test_recorded_times_are_those_of_the_pages():
    """A page that compares other times needs a new run of tools/bench gallery."""
    compared = {
        title
        for page in gallery.pages()
        for title in re.findall(r'show_times\(\s*"([^"]+)"', page.read_text())
    }
    whole = json.loads((TOOLS.parent / "docs/benchmarks/gallery.json").read_text())
    assert len(compared) > 5
    assert compared == set(whole["times"])
    assert all(time > 0 for times in whole["times"].values() for time in times.values())
    assert whole["machine"]["load_before"][0] < machine.QUIET_LOAD


def test_a_busy_machine_is_not_measured(monkeypatch, capsys):
    loads = iter((3.0, 0.7, 0.1))
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (next(loads), 0, 0))
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: None)
    machine.wait_until_quiet()
    assert capsys.readouterr().err.count("waiting") == 2
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (3.0, 0, 0))
    with pytest.raises(SystemExit, match="busy"):
        machine.wait_until_quiet(minutes=0)


def test_times_of_a_page_are_recorded(tmp_path):
    page = tmp_path / "page.py"
    page.write_text(
        "from pictures import show_times\n"
        "show_times('sums', {'short': lambda: sum(range(10)), 'long': lambda: sum(range(100_000))})\n"
    )
    times = gallery.measure(page, sys.executable)
    assert list(times) == ["sums"]
    assert 0 < times["sums"]["short"] < times["sums"]["long"] < 1000
