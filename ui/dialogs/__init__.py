"""The dialogs: settings, models, check-up, welcome."""
