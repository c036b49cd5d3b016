"""The optimisation document's tables, measured: four ways to build the same services on one BuildKit."""
