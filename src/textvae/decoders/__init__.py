"""Parts that turn z into p(x|z), one file each."""
