"""One page for one or more runs."""
