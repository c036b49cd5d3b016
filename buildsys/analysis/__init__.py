"""Targets to actions, with what imports and manifests tell; pure."""
