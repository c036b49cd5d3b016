"""Python packages that several services use."""
