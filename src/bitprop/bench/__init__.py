# SPDX-License-Identifier: MIT
"""What an epoch, a sample and a prediction take on this machine, beside NumPy; bench/peers.py adds more peers.

Every contestant is a separate process. It trains a given number of epochs from the start parameters, or predicts a
given number of times. It answers the seconds that this took, by the process's clock, and the final loss. Each round
visits every contestant, so that a disturbance of the machine affects all of them. The figure is the median of rounds.

`solve` is the clerk of another measurement, the time that a training takes to a stated loss: `problems` has what is
learnt, `solver` and the files named `peer_` who learns it, and `settings` how.
"""

from .clerk import wrong

__all__ = ["wrong"]
