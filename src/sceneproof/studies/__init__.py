"""Tested runs on common ground: grouped over seeds, held against the same videos, and their figures; no page."""
