"""Cells: what is to be run, under which key its result is kept, and where it runs."""
