"""Tables: what stands where (layout), kept apart from how it is written (Markdown, LaTeX, CSV, HTML, JSON)."""
