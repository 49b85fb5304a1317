"""The Mall: a made-up world in which actions and scenes go together."""
