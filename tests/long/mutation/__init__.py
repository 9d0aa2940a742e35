# SPDX-License-Identifier: MIT
"""Mutation testing of the C core, its twin and the validation; tests/long/mutants runs it."""
