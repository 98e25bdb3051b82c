"""What the ARENA's decisions are worth, and what its work costs."""
