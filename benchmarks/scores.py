"""A score: the number of right answers, compared with a goal."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Score:
    """The result of one series of questions."""

    name: str
    goal: float  # share of right answers, from 0 to 1
    right: int = 0
    total: int = 0
    wrong_examples: list[str] = field(default_factory=list)  # the first few wrong answers

    @property
    def share(self) -> float:
        """Share of right answers, from 0 to 1."""
        return self.right / self.total if self.total else 0.0

    @property
    def verdict(self) -> str:
        """Whether the share meets the goal, or which goal it falls short of."""
        return "met" if self.share >= self.goal else f"short of {self.goal:.0%}"

    def add_answer(self, is_right: bool, example: str) -> None:
        """Counts an answer; `example` describes question and answer, in case it is wrong."""
        self.right += is_right
        self.total += 1
        if not is_right and len(self.wrong_examples) < 5:
            self.wrong_examples.append(example)
