"""Text as it is shown, spoken and translated."""
