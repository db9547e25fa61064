"""`hark bench`: how fast Qwen2-VL answers on this machine, side by side with the library's own way. Read `rows.py`."""
