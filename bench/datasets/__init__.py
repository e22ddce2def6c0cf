"""Datasets: how the corpus of each is made, and how a log of one's own becomes one."""
