"""`hark bench`: how fast Qwen2-VL answers here, compared with transformers. Start reading in `measurements.py`."""
