"""What a model is asked to do."""
