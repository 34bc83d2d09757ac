"""Parts that turn a batch of texts into features, one file each."""
