"""What keeps the deployment from starting; this module imports nothing that could itself be broken."""

from typing import NamedTuple


class Problem(NamedTuple):
    """Why the deployment refuses to start; no field holds a secret or a line break."""

    variable: str
    problem: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.problem}; allowed: {self.allowed}"
