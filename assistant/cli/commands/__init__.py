"""The commands of `hark`, a file for those that belong together. Each takes options, settings, folders, console."""
