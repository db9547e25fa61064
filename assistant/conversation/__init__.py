"""A turn from utterance to spoken answer, and who speaks when."""
