# SPDX-License-Identifier: MIT
"""Proofs: see docs/proofs.md."""
