"""Labels made before training: scenes."""
