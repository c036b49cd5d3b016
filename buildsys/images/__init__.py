"""Reading, exporting and loading what was built."""
