# SPDX-License-Identifier: MIT
"""The lab: published experiments reproduced. `report` has the lab report's tables, `pictures` draws them."""

from .report import EXPERIMENTS, Experiment, Lab, Table, run

__all__ = ["EXPERIMENTS", "Experiment", "Lab", "Table", "run"]
