"""Evaluation: from a declared experiment and stored cells to tested differences."""
