"""The plan (pure), the ports and the loop that carries it out."""
