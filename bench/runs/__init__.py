"""Runs: what is to be computed, under which key its result is kept, and computing it."""
