"""What the ARENA's decisions are worth."""
