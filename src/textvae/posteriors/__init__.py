"""Parts that turn features into q(z|x), one file each."""
