"""What a latent space means, with evidence: functions of a VAE, its texts and its vocabulary."""
