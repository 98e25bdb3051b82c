"""Cards of detectors: how good each is, measured on what, and where it fails.

A card is a JSON file. Those of detectors that go by form stand here; a classifier's stands beside its weights. A
detector without figures was not measured, which is said as it is.
"""

from genaiops.checks.cards._card import Card, Figure, cards, read_card

__all__ = ["Card", "Figure", "cards", "read_card"]
