"""Operate generative-AI applications: gateway, hub, tests, traces and governance in one system."""

__version__ = "0.1.0"
