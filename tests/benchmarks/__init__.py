"""Measurements, each a script: ``python -m tests.benchmarks.training``."""
