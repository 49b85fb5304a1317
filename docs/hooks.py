"""What the site of these pages changes in them: see mkdocs.yml."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Turns links to files outside docs/ into their names; a missing one stays, and is told."""
    link = re.compile(r"\[([^]]+)\]\(\.\./([^)#]+)\)")
    return link.sub(lambda match: match[1] if (ROOT / match[2]).exists() else match[0], markdown)
