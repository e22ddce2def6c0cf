"""Links between files of the project, as they stand on GitHub, become links between pages of the site.

``../results/README.md`` in a page of docs/ leads to the same file on the site, where docs/ is the root; a link to a
folder leads to the page in it. A link to a file that is not there stays as it is, and the strict build fails.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?(?=\))")
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
README = {"#your-own-encoder": "own-encoder.md", "#the-default-result": "reading-a-table.md"}
"""The pages that have a section of the README; the site has no page for the whole."""
IN_FOLDER = ("README.md", "tables.md", "table.md", "claims.md")
"""The page that a link to a folder means, the first that is there."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrites the links of a page."""
    here = repository_path(page.file.src_uri)

    def rewrite(target: str, anchor: str) -> str:
        found = resolved(here, target)
        if found is None:
            return target + anchor
        uri, anchor = (README.get(anchor, "index.md"), "") if found == "README.md" else (site_path(found), anchor)
        return posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".") + anchor

    return _outside_code(markdown, lambda text: LINK.sub(lambda match: rewrite(match[1], match[2] or ""), text))


def linked_targets(path: str, markdown: str) -> set[str]:
    """The files outside docs/ that a page at ``path`` links to; both are seen from the project's root."""
    found = {resolved(path, match[1]) for match in LINK.finditer(FENCED.sub("", markdown))}
    return {target for target in found if target and not target.startswith("docs/") and target != "README.md"}


def resolved(path: str, target: str) -> str | None:
    """The file, seen from the project's root, that a link in ``path`` leads to; None where there is none."""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if (ROOT / found).is_dir():
        found = next((f"{found}/{name}" for name in IN_FOLDER if (ROOT / found / name).is_file()), found)
    return found if (ROOT / found).is_file() else None


def site_path(path: str) -> str:
    """Where a file of the project is on the site."""
    return path.removeprefix("docs/")


def repository_path(uri: str) -> str:
    """Where a page of the site is in the project."""
    return f"docs/{uri}" if (ROOT / "docs" / uri).is_file() else uri


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """Applies ``change`` to what stands outside fenced blocks."""
    parts = FENCED.split(markdown)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))
