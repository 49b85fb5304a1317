"""How much does a video model lean on the scene: any model, the user's own videos, no training."""
