"""The pages of the site: those of docs/, what they link to elsewhere in the project, and what is generated from code.

A page of docs/ that the navigation does not name joins the how-to guides; results, the changelog and whatever else a
page links to are taken from where they stand, so that nothing is kept twice.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

import api_reference
import command_reference
import component_reference
import gains
import quoted
from links import linked_targets, site_path
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OUTSIDE = ("results/README.md", "CHANGELOG.md", "CONTRIBUTING.md")
"""Where pages outside docs/ begin; what they link to follows."""
WIDE = ("shoppers.md", "where-it-helps.md")
"""Pages whose lines are as long as a screen: they have no columns beside them."""
GENERATED = {
    "reference/command-line.md": command_reference.page,
    "reference/components.md": component_reference.page,
    "reference/bench.md": lambda: api_reference.page("bench"),
    "reference/testing.md": lambda: api_reference.page("bench.testing"),
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages that the navigation leaves out."""
    named = set(_paths(config.nav))
    docs = Path(config.docs_dir)
    missing = sorted(path.name for path in docs.glob("*.md") if path.name not in named)
    (guides,) = [part["How-to guides"] for part in config.nav or [] if "How-to guides" in part]
    guides.extend(missing)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is generated, and every file of the project that a page links to."""
    for uri, write in GENERATED.items():
        files.append(File.generated(config, uri, content=write()))
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages() if file.abs_src_path]
    waiting += OUTSIDE
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        uri = site_path(path)
        if files.get_file_from_path(uri) is None:
            files.append(File(uri, str(ROOT), config.site_dir, config.use_directory_urls))
        if path.endswith(".md"):
            text = quoted.expanded(gains.expanded((ROOT / path).read_text(encoding="utf-8")))
            new = linked_targets(path, text) - seen
            seen |= new
            waiting += sorted(new)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> None:
    """Gives wide pages, and those of results, the whole width."""
    if page.file.src_uri in WIDE or page.file.src_uri.startswith("results/"):
        page.meta["hide"] = ["navigation", "toc"]


def _paths(nav: Any) -> list[str]:
    """Every path of a navigation."""
    if isinstance(nav, str):
        return [posixpath.normpath(nav)]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [path for part in parts or () for path in _paths(part)]
