"""Compiled loops of the graph encoders on CPUs."""
