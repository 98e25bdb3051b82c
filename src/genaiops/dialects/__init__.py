"""Dialects: one wire dialect per folder, and how it becomes OpenAI chat and back. Pure functions on bytes, no I/O."""
