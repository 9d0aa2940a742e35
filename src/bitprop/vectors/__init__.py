# SPDX-License-Identifier: MIT
"""The golden vectors: JSON files in this folder, and what makes and checks them (docs/porting.md)."""
