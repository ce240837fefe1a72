"""Take pictures of the pages of a built site with headless Chromium, for tools/docs --screenshots.

Each page is taken in light and dark, as a wide screen and a phone show it. A page whose content is
wider than the screen is named, because its text runs off the edge.
"""

import argparse
import http.server
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

WIDTHS = (1400, 420)  # pixels
HEIGHT = 2400
SCHEMES = ("light", "dark")

# Shows a page in a frame of the wanted width, because Chromium's windows have a least width. The
# script writes the theme where furo looks for it, and reports how wide the content is.
FRAME = """<!doctype html><html><head><title>waiting</title></head><body style="margin:0">
<iframe id="page" style="border:0;width:{width}px;height:{height}px" src="about:blank"></iframe><script>
localStorage.setItem("theme", "{scheme}");
const page = document.getElementById("page");
page.onload = () => {{
  const root = page.contentDocument.documentElement;
  document.title = "width " + root.scrollWidth;
}};
page.src = "{path}";
</script></body></html>"""


class Site(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and the frames around its pages at /_frame/SCHEME/WIDTH/PATH."""

    def do_GET(self):
        parts = self.path.split("/", 4)
        if parts[1] != "_frame":
            super().do_GET()
            return
        text = FRAME.format(scheme=parts[2], width=parts[3], height=HEIGHT, path="/" + parts[4]).encode()
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


def take(browser, address, page, scheme, width, out):
    """Take one picture. Returns the width of the content in pixels, or None if it is unknown."""
    name = "-".join(page.with_suffix("").parts)
    url = f"{address}/_frame/{scheme}/{width}/{page.as_posix()}"
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={profile}", "--virtual-time-budget=4000", f"--window-size={width},{HEIGHT}"),
        ]
        picture = f"--screenshot={out / f'{name}-{width}-{scheme}.png'}"
        subprocess.run([*command, picture, url], check=True, capture_output=True, timeout=120)
        if scheme != SCHEMES[0]:
            return None
        dump = [*command, "--dump-dom", url]
        text = subprocess.run(dump, check=True, capture_output=True, text=True, timeout=120).stdout
    found = text.partition("<title>width ")[2].partition("<")[0]
    return int(found) if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("browser")
    parser.add_argument("site", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", nargs="*", help="take these pages only, such as index.html")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pages = [Path(page) for page in options.pages] if options.pages else pages_of(options.site)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=options.site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    jobs = [(page, scheme, width) for page in pages for scheme in SCHEMES for width in WIDTHS]
    with ThreadPoolExecutor(2) as pool:
        shoot = partial(take, options.browser, address)
        widths = list(pool.map(lambda job: shoot(*job, options.out), jobs))
    server.shutdown()

    wide = [
        (page, width, content)
        for (page, _, width), content in zip(jobs, widths, strict=True)
        if content is not None and content > width
    ]
    for page, width, content in wide:
        print(f"{page}: {content} pixels wide on a screen of {width}", file=sys.stderr)
    print(f"{len(jobs)} pictures of {len(pages)} pages in {options.out}")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
