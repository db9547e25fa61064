"""What a screen reader gets: announcements, roles, answers."""
