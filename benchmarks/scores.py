"""A score: right answers out of all, held against a goal. Knows nothing of what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Score:
    """Right answers out of all, the goal as a share, and the first few wrong ones."""

    name: str
    goal: float
    right: int = 0
    all: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.right / self.all if self.all else 0.0

    @property
    def verdict(self) -> str:
        return "met" if self.share >= self.goal else f"short of {self.goal:.0%}"

    def add(self, good: bool, told: str) -> None:
        self.right += good
        self.all += 1
        if not good and len(self.wrong) < 5:
            self.wrong.append(told)
