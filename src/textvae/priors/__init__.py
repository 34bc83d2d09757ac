"""Parts that give p(z), one file each."""
