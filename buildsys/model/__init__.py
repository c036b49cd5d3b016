"""The nouns of a build; pure."""
