"""Video action recognition that does not lean on the scene."""

__version__ = "0.1.0"
