"""Pure judgements and measures, one per file, usable by every part."""
