"""`sceneproof benchmark`: every method in every world, with the same budget, on one page."""
