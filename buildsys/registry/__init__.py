"""What an OCI registry answers."""
