"""What tests said: read from the layer that they leave, judged, and written as JUnit XML."""
