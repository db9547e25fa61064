"""Conversations on disk: the database, its writer, its reader, and export."""
