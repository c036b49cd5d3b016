"""The built-in model: rules instead of a network, so that a run needs no key and is repeatable."""
