"""Kinds of models that can be audited: one file each."""
