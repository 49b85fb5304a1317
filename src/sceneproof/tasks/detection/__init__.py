"""Spatio-temporal detection: who does what where in each frame, and as tubes."""
