"""A change of one setting, as the window's views and the catalogue of models describe it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assistant.settings import Settings


@dataclass(frozen=True)
class SettingChange:
    """One field of the settings and its new value."""

    section: str  # a field of `Settings`, such as "voice"
    field: str  # a field of that section, such as "speed"
    value: object

    def apply_to(self, settings: Settings) -> Settings:
        """The settings with this one changed."""
        section = replace(getattr(settings, self.section), **{self.field: self.value})
        return replace(settings, **{self.section: section})

    def is_applied(self, settings: Settings) -> bool:
        """Whether the settings have this value already."""
        return bool(self._read_value(settings) == self.value)

    def is_equal(self, settings: Settings, other: Settings) -> bool:
        """Whether two settings have the same value in this field, whatever the new one is."""
        return bool(self._read_value(settings) == self._read_value(other))

    def _read_value(self, settings: Settings) -> object:
        return getattr(getattr(settings, self.section), self.field)
