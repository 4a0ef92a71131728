"""Arrhythmia classification at the edge: the library behind the book."""

__version__ = "0.1.0"
