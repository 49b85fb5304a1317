"""People put in other places: clips without their people, without their scene, in another scene, out of their order."""
