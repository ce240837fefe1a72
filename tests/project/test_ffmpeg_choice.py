"""CYCODEC_FFMPEG: which library files a process uses, and what it says if it cannot."""

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from servers import serving

import cycodec
from cycodec.core import libraries

NAMES = ("libavutil", "libswresample", "libswscale", "libavcodec", "libavformat")
PROGRAM = "import cycodec; v = cycodec.ffmpeg_versions(); print(v['origin'], v['folder'], sep='\\n')"

linux = pytest.mark.skipif(sys.platform != "linux", reason="the names of libraries are Linux's")
compiles = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def choose(value, program=PROGRAM):
    """Runs a program with a value of CYCODEC_FFMPEG; returns its status, output and complaint."""
    environment = {**os.environ, "CYCODEC_FFMPEG": str(value)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout.split("\n")[:-1], (done.stderr.strip().splitlines() or [""])[-1]


def own_files():
    """The library files that this process uses."""
    from cycodec._cli.examinations import library_function

    files = []
    for name in NAMES:
        function = library_function(f"{name.removeprefix('lib')}_version")
        address = libraries.ctypes.cast(function, libraries.ctypes.c_void_p).value
        files.append(Path(libraries.file_of(address)))
    return files


def compile_library(path, soname, *arguments, source=""):
    code = path.with_suffix(".c")
    code.write_text(source)
    command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-Wl,--no-as-needed", "-o", path, code]
    subprocess.run([*command, *arguments], check=True)


def test_facts_of_the_ffmpeg_in_use():
    facts = cycodec.ffmpeg_versions()
    assert facts["folder"] == str(own_files()[3].parent)
    assert facts["origin"] in ("bundled", "system")
    assert "--" in facts["configuration"]
    assert "GPL" in facts["license"]


@linux
def test_a_folder_takes_the_place_of_the_system(tmp_path):
    (tmp_path / "lib").mkdir()
    for file in own_files():
        shutil.copy(file, tmp_path / "lib" / file.name)
    for folder in (tmp_path, tmp_path / "lib"):
        status, printed, complaint = choose(folder)
        assert status == 0, complaint
        assert printed == [str(folder), str(tmp_path / "lib")]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("/no/such/folder", 'must be "bundled", "system", or a folder that exists'),
        ("sytem", 'must be "bundled", "system", or a folder that exists'),
        (os.path.dirname(__file__), "libavutil"),
    ],
)
def test_what_cannot_be_used_is_an_import_error(value, words):
    status, _, complaint = choose(value)
    assert status == 1
    assert complaint.startswith(f"ImportError: CYCODEC_FFMPEG={value}")
    assert words in complaint


@linux
@compiles
def test_another_major_version_is_refused(tmp_path):
    for name in NAMES:
        compile_library(tmp_path / f"{name}.so.1", f"{name}.so.1")
    status, _, complaint = choose(tmp_path)
    assert status == 1
    assert "this build needs another major version" in complaint


@linux
def test_the_doctor_tells_what_to_do():
    status, printed, _ = choose(
        "/no/such/folder", "import sys; from cycodec._cli.app import main; sys.exit(main(['doctor']))"
    )
    assert status == 1
    text = " ".join(" ".join(printed).split())
    assert "unset CYCODEC_FFMPEG" in text


@linux
@compiles
def test_substitutes_bind_to_the_ordinary_names(tmp_path):
    """A module that needs a wheel's own copy finds the system's library behind the substitute."""
    real = own_files()[0]
    major = real.name.split(".so.")[1].split(".")[0]
    own = f"libavutil-0badcafe.so.{major}"
    (tmp_path / "substitutes").mkdir()
    compile_library(tmp_path / "substitutes" / own, own, real)
    needs = "unsigned avutil_version(void); unsigned call(void) { return avutil_version(); }"
    compile_library(
        tmp_path / "module.so", "module.so", tmp_path / "substitutes" / own, "-Wl,-z,undefs", source=needs
    )
    program = (
        "import ctypes, os, pathlib, sys\n"
        "wanted = os.environ.pop('CYCODEC_FFMPEG')\n"
        "from cycodec.core import libraries\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "libraries.SUBSTITUTES = folder / 'substitutes'\n"
        "print(libraries.origin())\n"
        "os.environ['CYCODEC_FFMPEG'] = wanted\n"
        "libraries.choose()\n"
        "print(libraries.origin())\n"
        "print(ctypes.CDLL(str(folder / 'module.so')).call() >> 16)\n"
    )
    status, printed, complaint = choose("system", program)
    assert status == 0, complaint
    assert printed == ["bundled", "system", major]


class TestCertificates:
    @pytest.fixture
    def bundled(self, monkeypatch, tmp_path):
        """A wheel, on a system whose certificates are in a file of its own."""
        for name in ("CYCODEC_FFMPEG", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(libraries, "SUBSTITUTES", tmp_path)
        monkeypatch.setattr(libraries, "CERTIFICATES", ("/no/such/file", str(tmp_path / "bundle.crt")))
        (tmp_path / "bundle.crt").write_text("")
        return tmp_path / "bundle.crt"

    def test_the_first_file_that_the_system_has(self, bundled):
        assert libraries.certificates() == str(bundled)
        bundled.unlink()
        assert libraries.certificates() is None

    def test_the_user_may_name_another(self, bundled, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", "/my/own.crt")
        assert libraries.certificates() is None

    def test_the_system_s_ffmpeg_knows_its_own(self, bundled, monkeypatch):
        monkeypatch.setenv("CYCODEC_FFMPEG", "system")
        assert libraries.certificates() is None

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
    def test_servers_are_verified_against_it(self, bundled, make_media):
        from cycodec.decoders import VideoDecoder

        clip = make_media("h264_plain.mp4")
        key = bundled.with_name("key.pem")
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
        ]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", bundled]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(bundled, key)
        verify = {"tls_verify": 1}
        with serving(clip.parent, tls=context) as server:
            url = f"{server.address}/{clip.name}"
            assert len(VideoDecoder(url, options=verify)) == len(VideoDecoder(clip))
            other = bundled.with_name("other.crt")
            subprocess.run([*command[:-1], other], check=True, capture_output=True)
            with pytest.raises(cycodec.FFmpegError):
                VideoDecoder(url, options={**verify, "ca_file": str(other)})
