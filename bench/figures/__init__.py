"""Figures: one file draws one figure from plain numbers, in one style; every figure has its numbers beside it."""
