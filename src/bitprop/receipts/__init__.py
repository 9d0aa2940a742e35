# SPDX-License-Identifier: MIT
"""Receipts of trainings, and where two machines differ: docs/receipts.md."""
