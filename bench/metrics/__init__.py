"""Metrics: one definition each, of rankings, of a whole vocabulary, and of classifiers."""
