# SPDX-License-Identifier: MIT
"""What users give, checked once above all backends, which trust what they get: options, and rows of data."""
