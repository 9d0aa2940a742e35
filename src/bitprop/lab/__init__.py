# SPDX-License-Identifier: MIT
"""The lab: published experiments reproduced.

`report` has the lab report's tables, `pictures` draws them, and `page` writes them as HTML. `proben1` reads the data of
a collection of benchmarks, `proben1_tables` its published tables; `proben1_runs` trains, `proben1_report` compares,
`proben1_pictures` draws. `overshoot` counts the trainings that get stuck, and `overshoot_pictures` draws them.
"""

from .report import EXPERIMENTS, Experiment, Lab, Table, run

__all__ = ["EXPERIMENTS", "Experiment", "Lab", "Table", "run"]
