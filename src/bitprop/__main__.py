# SPDX-License-Identifier: MIT
"""`python -m bitprop` is the command `bitprop`. Python imports the package before this: Ctrl-C then shows where."""

import sys

from _bitprop_command import main

sys.exit(main())
