"""The site loads nothing from elsewhere: it works without a network, and tells nobody who reads it."""

from __future__ import annotations

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

REMOTE = re.compile(
    r'<(?:script|img|iframe|source)[^>]+src="(?:https?:)?//[^"]+"|<link[^>]+rel="(?!canonical)[^"]*"[^>]*//[^"]+"'
)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Fails the build where a page would load a script, a style or a picture from another server."""
    found = REMOTE.search(output)
    if found is not None:
        raise PluginError(f"{page.file.src_uri} loads something from elsewhere: {found[0]}")
    return output
