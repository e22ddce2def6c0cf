"""Experiments: which cells, which hypotheses, and which published numbers belong together, declared before the run."""
