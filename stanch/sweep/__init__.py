"""The sweep: every few minutes it ends what a crash left open, tells what was not told, asks what became of what waits, and looks for what never reached us.

Each step fails by itself, ends when its share of the time is over, and may run twice at once: what one sweep does not finish, the next one does.
"""

from stanch.sweep.run import Sweep, Swept
from stanch.sweep.turn import DeadLetters, Row, Survey, Waiting

__all__ = ["DeadLetters", "Row", "Survey", "Sweep", "Swept", "Waiting"]
