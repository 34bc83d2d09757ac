"""What one does with the latent space of a trained model: encode, generate, interpolate, search."""
