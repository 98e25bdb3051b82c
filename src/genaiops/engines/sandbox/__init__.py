"""Programs and statements that models wrote, in processes of their own that can reach nothing: see `inside/confine.py`.

A program and its tests are two processes. The tests' process asks the other for values over a pipe, and compares plain
values only: whatever a program does to its own process, to its checker's names, or to what it prints, the verdict is
said where it cannot reach.
"""

from genaiops.engines.sandbox._processes import ALLOW_VARIABLE, Processes, probe

__all__ = ["ALLOW_VARIABLE", "Processes", "probe"]
