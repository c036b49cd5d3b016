"""Manifests, action keys and their differences; pure."""
