"""Conversion of networks to forms that run without PyTorch."""
