"""Videos, their labels, and the clips cut from them."""
