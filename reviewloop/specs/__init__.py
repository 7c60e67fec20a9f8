"""What a person wrote down to be built: specs, their tasks, and the steering that goes along."""
