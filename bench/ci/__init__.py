"""What a throw-away machine pays: a warm registry, and nothing else; `bs` against buildx bake."""
