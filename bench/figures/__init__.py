"""Figures: a file draws one kind of figure from plain numbers, in the common style, and keeps its numbers beside it."""
