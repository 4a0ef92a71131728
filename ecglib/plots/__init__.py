"""Figures: a file a theme; functions take data and return a `matplotlib.figure.Figure`."""
