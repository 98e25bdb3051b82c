"""How well the semantic cache tells questions apart."""
