"""What finding the texts of bodies and streams costs."""
