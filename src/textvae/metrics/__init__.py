"""How good a model is: likelihood, use of the latent, quality of texts, and a diagnosis."""
