"""Configuration and composition: the supervisor, and the two roots that it starts, `worker.py` and `control.py`."""
