# SPDX-License-Identifier: MIT
"""How each contestant solves each problem."""

from typing import Any

_N = ("xor", "linear", "spirals", "encoder", "parity", "cancer1", "diabetes1", "sine")


def _all(**k: Any) -> Any:
    return {n: dict(k) for n in _N}


SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "bitprop descent, online": _all(
        rule="descent", loss="half_sse", learning_rate=0.5, batch_size=1, check_every=10, epochs=10000
    ),
    "bitprop descent, batch": _all(rule="descent", loss="mse", learning_rate=1.0, check_every=10, epochs=100000),
    "bitprop momentum": _all(rule="momentum", loss="mse", learning_rate=0.3, check_every=10, epochs=100000),
    "bitprop nesterov": _all(rule="nesterov", loss="mse", learning_rate=0.3, check_every=10, epochs=100000),
    "bitprop adam": _all(rule="adam", loss="mse", learning_rate=0.03, check_every=10, epochs=100000),
    "bitprop rprop": _all(rule="rprop", loss="mse", check_every=10, epochs=30000),
    "bitprop levenberg_marquardt": _all(rule="levenberg_marquardt", loss="mse", check_every=1, epochs=1000),
    "scikit-learn adam": _all(learning_rate_init=0.03, check_every=10),
    "scikit-learn lbfgs": _all(check_every=50),
    "PyTorch Adam": _all(lr=0.03),
    "PyTorch Adam, compiled": _all(lr=0.03, check_every=10),
    "PyTorch LBFGS": _all(),
    "JAX Adam": _all(learning_rate=0.03),
    "PyTorch Rprop": _all(),
    "JAX RPROP": _all(),
    "SciPy least_squares": _all(),
    "FANN RPROP": _all(errors="linear"),
    "SciPy L-BFGS-B": _all(loss="mse"),
}
