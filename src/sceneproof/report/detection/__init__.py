"""The page of detectors: how well they find who does what where."""
