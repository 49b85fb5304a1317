"""Networks that turn a video into features."""
