"""How well guardrails recognise what they are there for, and what they cost."""
