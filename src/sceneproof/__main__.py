"""`python -m sceneproof`."""

from sceneproof.cli import main

main()
