# SPDX-License-Identifier: MIT
"""The lab: published experiments reproduced.

`report` has the lab report's tables, and `pictures` draws them. `proben1` reads the data of a collection of benchmarks.
"""

from .report import EXPERIMENTS, Experiment, Lab, Table, run

__all__ = ["EXPERIMENTS", "Experiment", "Lab", "Table", "run"]
