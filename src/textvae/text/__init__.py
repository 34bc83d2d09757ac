"""Files and columns to texts, texts to token ids, token ids to batches."""
