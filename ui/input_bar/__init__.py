"""The question field, the talk button and the timings."""
