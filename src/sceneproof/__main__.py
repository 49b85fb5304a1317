"""`python -m sceneproof`."""

from sceneproof.cli import main

if __name__ == "__main__":
    main()
