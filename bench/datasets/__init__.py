"""Datasets: how each one's corpus is made, and how a user's own log becomes a corpus."""
