"""Ways to train: one paper, one file."""
