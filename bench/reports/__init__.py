"""Reports: tables and records, kept apart from how they are written (Markdown, LaTeX, CSV, HTML, JSON)."""
