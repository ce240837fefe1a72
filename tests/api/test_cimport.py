"""The C API: a real extension is built against the wheel, as somebody else would install it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
import luma
from cycodec.decoders import VideoDecoder
import cycodec
decoder = VideoDecoder(sys.argv[1])
print(cycodec.__file__)
print(luma.mean_luma(decoder, 3))
print(luma.all_pts(decoder) == decoder.index.pts.tolist())
try:
    luma.mean_luma(decoder, 10**6)
except ValueError as error:
    print("refused", type(error).__name__)
print(luma.mean_luma(decoder, 5) > 0)
decoder.close()
try:
    luma.mean_luma(decoder, 5)
except cycodec.ClosedError as error:
    print("closed", type(error).__name__)
"""


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel's content, as pip unpacks it."""
    folder = tmp_path_factory.mktemp("wheel")
    # a copy of the sources, so that nothing built in place can leak into the wheel
    source = folder / "source"
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "build", ".git", ".venv", "*.egg-info", ".*cache")
    source.mkdir()
    for name in ("cycodec", "csrc"):
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    for name in ("setup.py", "native_requirements.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    # torch cannot be imported here: the build must not need it
    (folder / "poison").mkdir()
    (folder / "poison" / "torch.py").write_text("raise ImportError('the build imported torch')\n")
    environment = {**os.environ, "CFLAGS": "-O1 -g0", "PYTHONPATH": str(folder / "poison")}
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(folder),
            str(source),
        ],
        env=environment,
    )
    (wheel,) = folder.glob("cycodec-*.whl")
    site = folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def test_wheel_holds_what_cimport_and_type_checkers_need(installed):
    package = installed / "cycodec"
    assert (package / "py.typed").exists()
    assert (package / "__init__.pxd").exists()
    for module in ("video/reader", "video/index", "container/demux"):
        assert (package / "core" / f"{module}.pxd").exists()
        assert (package / "core" / f"{module}.pyi").exists()
    for module in ("abi", "demuxer", "encoding", "frames", "index", "samples"):
        assert (package / "core" / "capi" / f"{module}.pxd").exists()
    assert (package / "libav" / "avutil.pxd").exists()
    assert not list(installed.rglob("*.pyx"))


def test_shipped_pxd_files_need_libav_headers_only(installed):
    for path in installed.rglob("*.pxd"):
        for line in path.read_text().splitlines():
            if line.startswith("cdef extern from"):
                assert line.split('"')[1].startswith("lib"), f"{path.name}: {line}"


@pytest.fixture(scope="module")
def downstream(installed, tmp_path_factory):
    """A folder with the extensions of another project, built against the wheel."""
    folder = tmp_path_factory.mktemp("downstream")
    for path in (ROOT / "tests" / "support" / "downstream").iterdir():
        shutil.copy(path, folder)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run([sys.executable, "setup.py", "build_ext", "--inplace"], cwd=folder, env=environment)
    return folder


def test_downstream_extension(installed, downstream, tmp_path):
    clip = tmp_path / "clip.mkv"
    run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=1", "-c:v", "ffv1", str(clip)]
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    output = run([sys.executable, "-c", PROGRAM, str(clip)], cwd=downstream, env=environment).splitlines()
    assert output[0].startswith(str(installed))
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(clip), "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"],
        capture_output=True,
        check=True,
    ).stdout
    frame = raw[3 * 96 * 64 * 3 // 2 :][: 96 * 64]
    assert float(output[1]) == pytest.approx(sum(frame) / len(frame))
    assert output[2:] == ["True", "refused FFmpegValueError", "True", "closed ClosedError"]


def edited(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


def build_luma(site, folder, *edits):
    """Builds the extension `luma` with an edited copy of the package's .pxd files, as if they were
    those of another release.
    """
    other = folder / "other"
    shutil.copytree(site, other)
    for name, old, new in edits:
        edited(other / "cycodec" / name, old, new)
    for name in ("luma.pyx", "setup.py"):
        shutil.copy(ROOT / "tests" / "support" / "downstream" / name, folder)
    environment = {**os.environ, "PYTHONPATH": str(other)}
    run([sys.executable, "setup.py", "build_ext", "--inplace"], cwd=folder, env=environment)
    shutil.rmtree(other)


def test_extensions_of_an_earlier_release_go_on(installed, tmp_path):
    """Functions that are new since, a class that has grown and one more method do no harm."""
    build_luma(
        installed,
        tmp_path,
        ("core/capi/samples.pxd", "cdef int samples_rate(BlockReader reader) noexcept nogil\n", ""),
        ("__init__.pxd", "    samples_rate,\n", ""),
        ("core/video/reader.pxd", "    cdef readonly int64_t frames_damaged\n", ""),
        ("core/video/reader.pxd", "    cdef bint refers_to_damage(self) noexcept nogil\n", ""),
    )
    clip = tmp_path / "clip.mkv"
    source = "testsrc2=s=96x64:r=10:d=1"
    run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "ffv1", str(clip)])
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    output = run([sys.executable, "-c", PROGRAM, str(clip)], cwd=tmp_path, env=environment).splitlines()
    assert output[2:] == ["True", "refused FFmpegValueError", "True", "closed ClosedError"]


def test_extensions_of_a_later_release_are_refused(installed, tmp_path):
    build_luma(installed, tmp_path, ("core/capi/abi.pxd", "CYCODEC_ABI = 1", "CYCODEC_ABI = 2"))
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", "import luma"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "ImportError: this extension was built for version 2 of cycodec's C API" in done.stderr
    assert "upgrade cycodec" in done.stderr


def test_the_guide_works_as_it_is_written(installed, tmp_path):
    """The files and commands of docs/cimport.md, but for the one that needs the network."""
    page = (ROOT / "docs" / "cimport.md").read_text()
    files = re.findall(r"^```{literalinclude} (\S+)$", page, re.MULTILINE)
    assert [Path(name).name for name in files[:2]] == ["luma.pyx", "setup.py"]
    for name in files[:2]:
        shutil.copy(ROOT / "docs" / name, tmp_path)
    source = "testsrc2=s=96x64:r=10:d=1"
    run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", str(tmp_path / "video.mp4")])
    build, call = re.findall(r"^\$ python (.*)$", page, re.MULTILINE)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    run([sys.executable, *shlex.split(build)], cwd=tmp_path, env=environment)
    assert 0 < float(run([sys.executable, *shlex.split(call)], cwd=tmp_path, env=environment)) < 255


def test_the_whole_api(installed, downstream, tmp_path):
    """capi_checks.py compares each function with what Python and the ffmpeg command give."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(downstream)])}
    names = run(
        [sys.executable, str(downstream / "capi_checks.py"), str(tmp_path)], cwd=tmp_path, env=environment
    ).split()
    assert names[0] == str(installed / "cycodec" / "__init__.py")
    assert len(names) >= 14


def test_guide_names_every_function(installed):
    """The guide has a line for each function, and the package's .pxd offers each."""
    offered = set(re.findall(r"^    (\w+),$", (ROOT / "cycodec/__init__.pxd").read_text(), re.MULTILINE))
    offered |= {"CYCODEC_ABI", "cycodec_abi", "require_cycodec"}
    declared = set()
    for path in (ROOT / "cycodec/core/capi").glob("*.pxd"):
        declared |= set(re.findall(r"^cdef [^(:]*?(\w+)\(", path.read_text(), re.MULTILINE))
    assert declared - offered == {"check_build"}
    guide = (ROOT / "docs/cimport.md").read_text()
    for name in offered:
        assert f"`{name}" in guide, name


def test_the_version_grows_with_the_api():
    """Nothing that another binary may call disappears: functions are only ever added."""
    text = "".join(path.read_text() for path in sorted((ROOT / "cycodec/core/capi").glob("*.pxd")))
    signatures = {
        " ".join(line.split()) for line in re.findall(r"^cdef [^:]*?\)[^\n:]*$", text, re.MULTILINE)
    }
    known = set((ROOT / "tests/support/capi_signatures.txt").read_text().splitlines())
    version, known = next(iter(k for k in known if k.isdigit())), {k for k in known if not k.isdigit()}
    assert signatures == known, "functions are only added, with a new CYCODEC_ABI"
    assert f"CYCODEC_ABI = {version}\n" in text


def test_flags_for_builds(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    place = {"cwd": tmp_path, "env": environment}
    command = [sys.executable, "-m", "cycodec._cli.build_config"]
    cflags = run([*command, "--cflags"], **place).split()
    assert cflags[0] == f"-I{installed / 'cycodec'}"
    assert "-lavcodec" in run([*command, "--libs"], **place).split()
    missing = subprocess.run(
        [*command, "--libs"],
        **(place | {"env": environment | {"PKG_CONFIG": "false"}}),
        capture_output=True,
        text=True,
    )
    assert missing.returncode == 1
    assert missing.stderr.startswith("cycodec-config: FFmpeg's development files are needed")
    nothing = subprocess.run(command, **place, capture_output=True, text=True)
    assert nothing.returncode == 2
