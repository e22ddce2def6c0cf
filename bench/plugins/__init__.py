"""Plugins: what a component says of itself, how it is found, and how its options are read. Imports no torch."""
