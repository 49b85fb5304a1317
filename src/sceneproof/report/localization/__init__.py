"""The page of localizers: how well they find what is done when."""
