"""What a kind of target means, one file per rule; pure."""
