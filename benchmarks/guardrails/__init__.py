"""How much the detectors find, how often they are wrong, and what they cost."""
