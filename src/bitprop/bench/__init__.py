# SPDX-License-Identifier: MIT
"""What an epoch, a sample and a prediction take on this machine, beside NumPy; bench/peers.py adds more peers.

Every contestant is a process of its own. It is told to train so many epochs from the start parameters (or to predict so
many times), and answers the seconds that this took, by its own clock, and the loss in the end. Rounds go from
contestant to contestant, so that what disturbs the machine disturbs all; the median of the rounds is the figure.
"""

from .clerk import wrong

__all__ = ["wrong"]
