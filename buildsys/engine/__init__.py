"""BuildKit: finding, providing and driving it; bases."""
