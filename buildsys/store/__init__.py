"""What earlier builds left on this machine."""
