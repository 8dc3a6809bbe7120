#!/usr/bin/env python3
"""Checks the rendered documentation: each Markdown file is there as a page, no link within the site is dead, and no page
loads a script from a network.

    docs/check_site.py HTML_DIR MARKDOWN...
"""
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The title of a page, the anchors in it, where its links lead, and which scripts it loads."""

    def __init__(self, path):
        super().__init__()
        self.title, self.anchors, self.links, self.scripts = "", set(), [], []
        self._in_title = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.update(values[name] for name in ("id", "name") if values.get(name))
        self.links += [values[name] for name in ("href", "src", "data") if values.get(name)]
        self.scripts += [values["src"]] if tag == "script" and values.get("src") else []
        self._in_title = self._in_title or values.get("class") == "title"

    def handle_endtag(self, tag):
        self._in_title = self._in_title and tag != "div"

    def handle_data(self, data):
        if self._in_title:
            self.title += data


def title_of(markdown):
    """The text of the first heading, without its label."""
    heading = markdown.read_text(encoding="utf-8").split("\n", 1)[0]
    return re.sub(r"\s*\{#[\w-]+\}$", "", heading.removeprefix("# "))


def script_links(path):
    """What the menus and the search lead to."""
    return re.findall(r"""['"]([\w./-]+\.html(?:#[\w-]+)?)['"]""", path.read_text(encoding="utf-8"))


def main(site, *sources):
    site = Path(site).resolve()
    own = [path for path in site.rglob("*") if site / "mathjax" not in path.parents]
    pages = {path: Page(path) for path in own if path.suffix == ".html"}
    links = {path: page.links for path, page in pages.items()}
    links.update((path, script_links(path)) for path in own if path.suffix == ".js")
    faults = []
    missing = Counter(title_of(Path(source)) for source in sources) - Counter(page.title.strip() for page in pages.values())
    faults += [f'there is no page "{title}"' for title in missing]
    for path, page in pages.items():
        faults += [f"{path.name} loads {script} from a network" for script in page.scripts if urlsplit(script).netloc]
    for path, targets in links.items():
        for target in targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not place.is_file() or site not in place.parents:
                faults.append(f"{path.name} leads to {target}, which isn't there")
            elif parts.fragment and place in pages and unquote(parts.fragment) not in pages[place].anchors:
                faults.append(f"{path.name} leads to {target}, where there is no such anchor")
    for fault in faults:
        print(f"docs/check_site.py: {fault}", file=sys.stderr)
    return 1 if faults or not pages else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
