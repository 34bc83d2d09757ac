"""Distributions of latents that torch lacks: on the sphere, over codes, and through invertible maps."""
