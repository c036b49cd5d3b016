"""What a release is: images in a registry, with what they are made of and how they were made."""
