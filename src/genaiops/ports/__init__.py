"""Protocols for what is outside a part: stores, counters, spools, secrets, providers. One conformance suite each, run
against every engine.
"""
