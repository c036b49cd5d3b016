"""Checks real images: what is in them, how they run, whether they come out the same again."""
