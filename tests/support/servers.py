"""An HTTP server for tests: it serves the files of a folder, with or without ranges."""

import http.server
import threading
from contextlib import contextmanager


class Handler(http.server.BaseHTTPRequestHandler):
    """Writes down each request's path, range and headers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        server.headers.append(dict(self.headers))
        if server.drops > 0:
            server.drops -= 1
            self.close_connection = True
            return
        path = server.folder / self.path.lstrip("/").partition("?")[0]
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = self.headers.get("Range") if server.has_ranges else None
        first = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        self.send_response(206 if asked else 200)
        if server.has_length:
            self.send_header("Content-Length", str(len(data) - first))
        else:
            self.send_header("Connection", "close")
        if server.has_ranges:
            self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        try:
            self.wfile.write(data[first:])
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments):
        pass


@contextmanager
def serving(folder, *, has_ranges=True, has_length=True, tls=None):
    """Yield a running server, with the attributes `address`, `requests` and `headers`.

    It closes the next `drops` connections without an answer.

    An SSLContext `tls` makes it an HTTPS server.
    """
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.folder = folder
    server.requests, server.headers, server.drops = [], [], 0
    server.has_ranges = has_ranges
    server.has_length = has_length
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    server.handle_error = lambda request, address: None  # FFmpeg closes connections early
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
