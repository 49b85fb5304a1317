"""One file a data set: from what its site hands out to a manifest."""
