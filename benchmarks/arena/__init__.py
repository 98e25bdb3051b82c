"""How fast suites run, and how fast their runs are read."""
