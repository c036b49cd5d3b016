"""The checkout on disk: files, their digests, sealing."""
