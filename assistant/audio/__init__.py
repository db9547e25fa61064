"""Audio input and output: devices, files, speech detection, echo cancellation."""
