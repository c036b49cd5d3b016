"""bs: content-hash caching builds of container images for monorepos."""

__version__ = "0.1.0"
