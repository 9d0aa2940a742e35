# SPDX-License-Identifier: MIT
"""`python -m bitprop` is the command `bitprop`."""

import sys

from .cli import main

sys.exit(main())
