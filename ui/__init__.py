"""Hark's window. Knows nothing of models; talks to the engine only. (It comes with the next step; see CHANGELOG.)"""
