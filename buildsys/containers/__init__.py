"""Containers of images that were built: one in the foreground, or a whole platform on loopback."""
