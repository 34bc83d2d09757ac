"""What a topic model does beyond training: documents in, topics, shares, intervals, runs and comparisons out."""
