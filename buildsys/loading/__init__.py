"""BUILD.yaml text to targets; pure."""
