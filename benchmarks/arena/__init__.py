"""Measurements of evaluation: each file is a command, `python -m benchmarks.arena.NAME`."""
