"""Looks at labels: figures of what they say, and the videos with their labels drawn in."""
