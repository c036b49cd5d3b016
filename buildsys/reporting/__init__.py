"""Events and results, shown to people and machines."""
