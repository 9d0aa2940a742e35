# SPDX-License-Identifier: MIT
"""Networks to and from other libraries, each of which is imported only where it is used."""

from .keras import from_keras, to_keras
from .onnx_reading import from_onnx
from .onnx_writing import to_onnx
from .safetensors import from_safetensors, to_safetensors
from .sklearn import from_sklearn
from .torch import from_torch, to_torch

__all__ = [
    "from_keras",
    "from_onnx",
    "from_safetensors",
    "from_sklearn",
    "from_torch",
    "to_keras",
    "to_onnx",
    "to_safetensors",
    "to_torch",
]
