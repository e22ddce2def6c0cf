"""What authors of plugins test their components with. Needs pytest, which ``session-bench`` itself does not."""
