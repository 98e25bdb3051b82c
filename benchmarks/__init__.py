"""Benchmarks: how the figures in docs/benchmarks.md are measured."""
