# SPDX-License-Identifier: MIT
"""Where the command `bitprop` begins: outside the package, whose imports take a while that Ctrl-C may end."""


def main() -> int:
    """Runs the command; returns its exit status: 130 without a word where Ctrl-C comes before there is a command."""
    try:
        from bitprop import cli

        return cli.main()
    except KeyboardInterrupt:
        return 130
