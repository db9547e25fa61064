"""A change of one setting, as the views emit it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assistant.settings import Settings


@dataclass(frozen=True)
class SettingChange:
    """The user sets one field to another value."""

    section: str  # a field of `Settings`, such as "voice"
    field: str  # a field of that section, such as "speed"
    value: object

    def apply_to(self, settings: Settings) -> Settings:
        """The settings with this one changed."""
        section = replace(getattr(settings, self.section), **{self.field: self.value})
        return replace(settings, **{self.section: section})

    def is_applied(self, settings: Settings) -> bool:
        """Whether the settings have this value already."""
        return bool(getattr(getattr(settings, self.section), self.field) == self.value)
