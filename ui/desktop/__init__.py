"""The desktop around the window: tray, shortcuts, screenshots, one instance."""
