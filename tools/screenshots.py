"""Take pictures of the pages of a built site with headless Chromium, for tools/docs --screenshots.

Each page is taken in light and dark, as a wide screen and a phone show it, down to its end. A page
whose content is wider than the screen is named, because its text runs off the edge.
"""

import argparse
import contextlib
import http.server
import io
import json
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

WIDTHS = (1400, 420)  # pixels
LEAST = 800  # pixels; the height of a page that is not longer
HEIGHT = 12000  # pixels; what is below is not in the picture
SCHEMES = ("light", "dark")
VIEWS = [(width, scheme) for scheme in SCHEMES for width in WIDTHS]

# Shows a page four times, side by side, so that one start of the browser takes all of its pictures.
# The script reports the sizes of their contents.
FRAMES = """<!doctype html><html><body style="margin:0;white-space:nowrap;font-size:0"><script>
const views = {views}, sizes = [];
let loaded = 0;
for (const [place, [width, scheme]] of views.entries()) {{
  const frame = document.createElement("iframe");
  frame.style = `border:0;vertical-align:top;width:${{width}}px;height:{least}px`;
  frame.onload = () => {{
    const page = frame.contentDocument;
    page.body.dataset.theme = scheme;
    sizes[place] = [page.documentElement.scrollWidth, page.documentElement.scrollHeight];
    frame.style.height = Math.min(sizes[place][1], {height}) + "px";
    loaded += 1;
    if (loaded === views.length) {{
      fetch("/_sizes?" + encodeURIComponent(JSON.stringify(["{path}", sizes])));
    }}
  }};
  frame.src = "{path}";
  document.body.append(frame);
}}
</script></body></html>"""


class Site(http.server.SimpleHTTPRequestHandler):
    """Serves the site and, at /_frames/PATH, frames around a page; stores the sizes of pages."""

    def __init__(self, *arguments, sizes, **options):
        self.sizes = sizes
        super().__init__(*arguments, **options)

    def do_GET(self):
        if self.path.startswith("/_frames/"):
            path = self.path.removeprefix("/_frames")
            self.answer(
                FRAMES.format(views=json.dumps(VIEWS), least=LEAST, height=HEIGHT, path=path).encode()
            )
        elif self.path.startswith("/_sizes?"):
            path, sizes = json.loads(urllib.parse.unquote(self.path.partition("?")[2]))
            self.sizes[path] = sizes
            self.answer(b"")
        else:
            with contextlib.suppress(ConnectionError):  # the browser ends before it has all fonts
                super().do_GET()

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


def pages_of(site):
    """The pages of the site that readers see."""
    left_out = {"genindex.html", "search.html", "py-modindex.html"}
    return sorted(path.relative_to(site) for path in site.rglob("*.html") if path.name not in left_out)


def shoot(browser, url):
    """Return the picture of a URL, with all frames beside each other."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={folder}/profile", "--virtual-time-budget=8000"),
            *(f"--window-size={sum(width for width, _ in VIEWS)},{HEIGHT}", f"--screenshot={picture}", url),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        return Image.open(io.BytesIO(picture.read_bytes()))


def take(browser, address, sizes, page, out):
    """Take the pictures of one page. Returns a complaint for each content wider than its screen."""
    path = f"/{page.as_posix()}"
    whole = shoot(browser, f"{address}/_frames{path}")
    if path not in sizes:
        return [f"{page}: the browser did not load it"]
    wide, left = [], 0
    for (width, scheme), (content, height) in zip(VIEWS, sizes[path], strict=True):
        part = whole.crop((left, 0, left + width, min(height, HEIGHT)))
        part.save(out / f"{'-'.join(page.with_suffix('').parts)}-{width}-{scheme}.png")
        left += width
        if content > width and scheme == SCHEMES[0]:
            wide.append(f"{page}: {content} pixels wide on a screen of {width}")
    return wide


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("browser")
    parser.add_argument("site", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", nargs="*", help="take these pages only, such as index.html")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pages = [Path(page) for page in options.pages] if options.pages else pages_of(options.site)

    sizes = {}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Site, directory=options.site, sizes=sizes)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    with ThreadPoolExecutor(2) as pool:
        complaints = list(
            pool.map(lambda page: take(options.browser, address, sizes, page, options.out), pages)
        )
    server.shutdown()

    wide = [line for lines in complaints for line in lines]
    for line in wide:
        print(line, file=sys.stderr)
    print(f"{len(pages) * len(VIEWS)} pictures of {len(pages)} pages in {options.out}")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
