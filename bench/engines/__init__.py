"""What many engines give."""
