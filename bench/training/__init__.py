"""Training: what the harness does for every encoder and baseline alike."""
