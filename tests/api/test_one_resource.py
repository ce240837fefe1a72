"""A source is one resource: nothing in its bytes makes a request or opens another file, unless the
user allows it.
"""

import io
import os
import pathlib
import pickle
import socket
import subprocess

import media
import pytest
import servers
import torch

import cycodec
from cycodec.batch import decode_batch
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder, get_container_metadata
from cycodec.encoders import AudioEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a video, as a transport stream and in segments of HLS and DASH."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "v.ts").write_bytes(media.path("h264.ts").read_bytes())
    (folder / "v.mp4").write_bytes(media.path("h264_plain.mp4").read_bytes())
    for name, arguments in (
        ("list.m3u8", ("-f", "hls", "-hls_list_size", "0")),
        ("list.mpd", ("-f", "dash")),
    ):
        command = ["ffmpeg", "-v", "error", "-i", folder / "v.mp4", "-c", "copy", *arguments, folder / name]
        subprocess.run(command, check=True, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def running(folder):
    with servers.serving(folder) as server:
        yield server


@pytest.fixture
def server(running):
    """The running server, which has had no request yet."""
    running.requests.clear()
    running.headers.clear()
    return running


def paths(server):
    """Return the paths that were asked for."""
    return [path for path, _ in server.requests]


def hls(target):
    return (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n"
        f"#EXTINF:3.0,\n{target}\n#EXT-X-ENDLIST\n"
    ).encode()


def hls_master(target):
    return (
        f'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS="avc1.64001f"\n{target.replace(".ts", ".m3u8")}\n'
    ).encode()


def hls_key(target):
    return (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n"
        f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:3.0,\n{target}\n#EXT-X-ENDLIST\n'
    ).encode()


def dash(target):
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S"
 profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="100000" width="96" height="64" codecs="avc1.64001f">
<BaseURL>{target}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>""".encode()


def ffconcat(target):
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def imf(target):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:0</Id>
<ContentTitle>{target}</ContentTitle><EditRate>25 1</EditRate></CompositionPlaylist>""".encode()


def sdp(target):
    port = target.rpartition(":")[2].partition("/")[0]
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=video {port if port.isdigit() else 5004} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    ).encode()


def vobsub(target):
    return f"# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\n# {target}\n".encode()


KINDS = {
    "hls": hls,
    "hls_master": hls_master,
    "hls_key": hls_key,
    "dash": dash,
    "ffconcat": ffconcat,
    "imf": imf,
    "sdp": sdp,
    "vobsub": vobsub,
}
OPENERS = {
    "VideoDecoder": lambda source: VideoDecoder(source)[0],
    "approximate": lambda source: VideoDecoder(source, seek_mode="approximate")[0],
    "AudioDecoder": lambda source: AudioDecoder(source)[0:10],
    "WavDecoder": lambda source: WavDecoder(source)[0:10],
    "metadata": get_container_metadata,
    "decode_batch": lambda source: decode_batch([(source, 0)]),
}
WRAPPERS = {
    "bytes": lambda data, path: data,
    "memoryview": lambda data, path: memoryview(data),
    "tensor": lambda data, path: torch.frombuffer(bytearray(data), dtype=torch.uint8),
    "BytesIO": lambda data, path: io.BytesIO(data),
    "path": lambda data, path: path,
    "file URL": lambda data, path: f"file:{path}",
    "open file": lambda data, path: path.open("rb"),
}


def targets(server, folder):
    return [
        f"{server.address}/v.ts",
        f"{folder}/v.ts",
        f"file://{folder}/v.ts",
        "v.ts",
        "file:///etc/hostname",
    ]


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("kind", KINDS)
def test_playlists_reach_nothing(kind, wrapper, server, folder, tmp_path):
    """Whatever the name, the target and the decoder."""
    (tmp_path / "v.ts").write_bytes((folder / "v.ts").read_bytes())
    endings = ["mp4", "m3u8", "mpd"] if "path" in wrapper else ["mp4"]
    for target in targets(server, folder):
        for ending in endings:
            path = tmp_path / f"{kind}.{ending}"
            data = KINDS[kind](target)
            path.write_bytes(data)
            for opener in ("VideoDecoder", "metadata"):
                with pytest.raises(cycodec.FFmpegError):
                    OPENERS[opener](WRAPPERS[wrapper](data, path))
    assert server.requests == []


@pytest.mark.parametrize("opener", OPENERS)
def test_no_decoder_makes_a_request(opener, server, tmp_path):
    for build in (hls, dash, ffconcat):
        data = build(f"{server.address}/v.ts")
        path = tmp_path / "upload.mp4"
        path.write_bytes(data)
        for source in (data, path):
            with pytest.raises(cycodec.FFmpegError):
                OPENERS[opener](source)
    assert server.requests == []


def test_the_error_says_what_to_do(server):
    with pytest.raises(PermissionError, match=r"formats=\['hls'\]"):
        VideoDecoder(hls(f"{server.address}/v.ts"))


def test_sdp_binds_no_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        # a demuxer that bound the port would fail in another way, or wait
        with pytest.raises(PermissionError, match="sdp"):
            VideoDecoder(sdp(f"udp://x:{port}"))


@pytest.mark.parametrize("name", ["still.png", "image2.png"])
def test_a_picture_opens_no_neighbour(name, tmp_path):
    (tmp_path / name).write_bytes(media.path("still.png").read_bytes())
    (tmp_path / "image3.png").write_bytes(media.path("still.png").read_bytes())
    assert len(VideoDecoder(tmp_path / name)) == 1
    with pytest.raises(FileNotFoundError):
        VideoDecoder(tmp_path / "image%d.png")


def test_mov_references_are_not_followed(tmp_path):
    """FFmpeg's option that follows them cannot be set."""
    with pytest.raises(ValueError, match="enable_drefs"):
        VideoDecoder(media.path("h264_plain.mp4"), options={"enable_drefs": "1"})
    with pytest.raises(ValueError, match="protocol_whitelist"):
        VideoDecoder(media.path("h264_plain.mp4"), options={"protocol_whitelist": "ALL"})


# ---- what the user allows ----


@pytest.mark.parametrize("allowed", [{"formats": ["hls"]}, {"formats": "hls"}, {}])
def test_bytes_with_permission(allowed, server, folder):
    data = hls(f"{server.address}/v.ts")
    frames = VideoDecoder(folder / "v.ts")[:3]
    decoder = VideoDecoder(data, protocols=["http"], **allowed)
    assert torch.equal(decoder[:3], frames)
    assert "/v.ts" in paths(server)
    del server.requests[:]
    copy = pickle.loads(pickle.dumps(decoder))
    assert torch.equal(copy[:3], frames)
    assert server.requests
    assert get_container_metadata(data, protocols=["http"], formats=["hls"]).streams


def test_formats_alone_reach_nothing_from_bytes(server):
    with pytest.raises(cycodec.FFmpegError):
        VideoDecoder(hls(f"{server.address}/v.ts"), formats=["hls"])[0]
    assert server.requests == []


def test_a_path_with_permission_reaches_files_only(server, folder):
    assert len(VideoDecoder(folder / "list.m3u8", formats=["hls"])) == 75
    remote = folder / "remote.m3u8"
    remote.write_bytes(hls(f"{server.address}/v.ts"))
    with pytest.raises(cycodec.FFmpegError):
        VideoDecoder(remote, formats=["hls"])[0]
    assert server.requests == []
    joined = folder / "joined.ffconcat"
    joined.write_bytes(ffconcat("v.mp4"))
    assert len(VideoDecoder(joined, formats=["concat"])) == 75
    with pytest.raises(PermissionError, match="concat"):
        VideoDecoder(joined)


def test_an_unknown_name_is_an_error():
    path = media.path("h264_plain.mp4")
    for arguments in ({"protocols": ["nosuch"]}, {"formats": ["nosuch"]}, {"options": {"nosuch": 1}}):
        for decoder in (VideoDecoder, AudioDecoder, get_container_metadata):
            with pytest.raises(ValueError, match="nosuch"):
                decoder(path, **arguments)


# ---- URLs ----


def test_ordinary_urls_open(server, folder):
    frames = VideoDecoder(folder / "v.mp4")[:]
    decoder = VideoDecoder(f"{server.address}/v.mp4")
    assert torch.equal(decoder[:], frames)
    assert torch.equal(decoder[[70, 3]], frames[[70, 3]])
    assert torch.equal(VideoDecoder(server.address.replace("http", "HTTP") + "/v.mp4")[5], frames[5])


def test_a_connection_that_the_server_closes_is_made_again(server, folder):
    """If the server closes all of them, the read fails."""
    noise = "nullsrc=s=320x240:r=25:d=3,geq=random(1)*255:128:128"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", noise, "-c:v", "mjpeg", "-q:v", "2"]
    subprocess.run(
        [*command, "-pix_fmt", "yuvj420p", "-movflags", "faststart", folder / "large.mov"], check=True
    )
    expected = VideoDecoder(folder / "large.mov")[[70, 3, 40]]
    decoder = VideoDecoder(f"{server.address}/large.mov", num_threads=1)
    found = []
    for number in (70, 3, 40):
        server.drops = 1
        found.append(decoder[number])
        assert server.drops == 0
    assert torch.equal(torch.stack(found), expected)
    server.drops = 1000
    with pytest.raises(cycodec.FFmpegError, match=r"/large\.mov"):
        decoder[5]
    server.drops = 0
    assert torch.equal(decoder[3], expected[1])


@pytest.mark.parametrize("name", ["list.m3u8", "list.mpd", "list.m3u8?token=1"])
def test_urls_of_playlists_open(name, server):
    assert len(VideoDecoder(f"{server.address}/{name}")) == 75


def test_a_playlist_where_a_video_was_expected(server, folder):
    """It is not opened, and the files of this machine are out of reach for playlists of others."""
    (folder / "liar.mp4").write_bytes(hls(f"{server.address}/v.ts"))
    with pytest.raises(cycodec.FFmpegError):
        VideoDecoder(f"{server.address}/liar.mp4")
    (folder / "thief.m3u8").write_bytes(hls(f"file://{folder}/v.ts"))
    with pytest.raises(cycodec.FFmpegError):
        VideoDecoder(f"{server.address}/thief.m3u8")[0]
    assert "/v.ts" not in paths(server)


@pytest.mark.parametrize(
    "url",
    [
        "tcp://127.0.0.1:{port}",
        "udp://127.0.0.1:{port}",
        "rtp://127.0.0.1:{port}",
        "pipe:0",
        "pipe://0",
        "concat:{path}|{path}",
        "concat://{path}",
        "subfile,,start,0,end,0,,:{path}",
        "crypto://{path}",
        "crypto+file:{path}",
        "crypto+http://127.0.0.1:{port}/v.mp4",
        "hls+http://127.0.0.1:{port}/list.m3u8",
        "cache://{path}",
        "cache:{path}",
        "async:{path}",
        "data:video/mp4;base64,AAAA",
        "data://video/mp4;base64,AAAA",
        "unix://{path}",
        "gopher://127.0.0.1:{port}/v.mp4",
        "ipfs://Qm/v.mp4",
        "sap://127.0.0.1",
    ],
)
def test_other_schemes_need_permission(url, server, folder):
    url = url.format(port=server.server_address[1], path=folder / "v.mp4")
    for opener in ("VideoDecoder", "AudioDecoder", "metadata"):
        with pytest.raises(cycodec.FFmpegError) as caught:
            OPENERS[opener](url)
        # FFmpeg 9 has no protocol hls any more
        is_unknown = "Protocol not found" in str(caught.value)
        assert is_unknown or isinstance(caught.value, (PermissionError, FileNotFoundError))
    assert server.requests == []


def test_other_schemes_with_permission(server, folder):
    path = folder / "v.mp4"
    size = path.stat().st_size
    part = f"subfile,,start,0,end,{size},,:{path}"
    assert len(VideoDecoder(part, protocols=["subfile", "file"])) == 75
    with pytest.raises(cycodec.FFmpegError):
        VideoDecoder(part, protocols=["subfile"])
    assert len(VideoDecoder(f"cache:{path}", protocols=["cache", "file"])) == 75
    assert len(VideoDecoder(f"concat:{folder / 'v.ts'}", protocols=["concat", "file"])) == len(
        VideoDecoder(folder / "v.ts")
    )


def test_options_reach_ffmpeg(server, folder):
    url = f"{server.address}/v.mp4"
    assert len(VideoDecoder(url, options={"headers": "X-Token: 17\r\n", "timeout": 5_000_000})) == 75
    assert server.headers
    assert all(headers.get("X-Token") == "17" for headers in server.headers)
    del server.headers[:]
    get_container_metadata(url, options={"user_agent": "tester"})
    assert server.headers[0]["User-Agent"] == "tester"
    path = folder / "v.mp4"
    assert len(VideoDecoder(path, options={"probesize": 100_000, "ignore_editlist": True})) == 75
    # an option of the decoder
    still = VideoDecoder(path, options={"skip_loop_filter": "all"})[40]
    assert not torch.equal(still, VideoDecoder(path)[40])
    copy = pickle.loads(pickle.dumps(VideoDecoder(path, options={"skip_loop_filter": "all"})))
    assert torch.equal(copy[40], still)
    with pytest.raises(ValueError, match="headers"):
        VideoDecoder(path.read_bytes(), options={"headers": "X: 1"})
    with pytest.raises(ValueError, match="probesize"):
        VideoDecoder(path, options={"probesize": "many"})
    with pytest.raises(TypeError, match="options"):
        VideoDecoder(path, options=["probesize"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_permission_and_its_lack_survive_fork(server, folder):
    decoder = VideoDecoder(folder / "list.m3u8", formats=["hls"])
    frame = decoder[2].numpy().tobytes()
    child = os.fork()
    if child == 0:
        os._exit(0 if decoder[2].numpy().tobytes() == frame else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# ---- names ----


class Name(str):
    """A path of a subclass of str."""

    __slots__ = ()

    def __str__(self):
        return "something else"


@pytest.mark.parametrize("kind", ["numpy", "subclass", "os.PathLike"])
def test_subclasses_of_str_are_paths(kind, tmp_path):
    numpy = pytest.importorskip("numpy")
    make = {"numpy": numpy.str_, "subclass": Name, "os.PathLike": pathlib.Path}[kind]
    video = media.path("h264_plain.mp4")
    wav = tmp_path / "a.wav"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1:r=8000", "-c:a", "pcm_s16le", wav],
        check=True,
    )
    before = os.fstat(0)
    assert len(VideoDecoder(make(video))) == 75
    assert len(AudioDecoder(make(wav))) == 8000
    assert len(WavDecoder(make(wav))) == 8000
    assert get_container_metadata(make(video)).streams
    with pytest.raises(FileNotFoundError):
        WavDecoder(make(tmp_path / "missing.wav"))
    AudioEncoder(torch.zeros(1, 800), sample_rate=8000).to_file(make(tmp_path / "encoded.wav"))
    assert len(AudioDecoder(tmp_path / "encoded.wav")) == 800
    assert decode_batch([(make(video), 0)])[0].data.ndim == 3
    index = VideoDecoder(video).index
    index.save(make(tmp_path / "saved.idx"))
    assert len(VideoDecoder(video, index=make(tmp_path / "saved.idx"))) == 75
    assert os.fstat(0) == before
