"""What the pages of tasks share whose models start from classifiers: localization and detection."""
