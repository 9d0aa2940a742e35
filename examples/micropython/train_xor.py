# SPDX-License-Identifier: MIT
"""Trains 2-4-4-1 without biases on the XOR-like set and prints the network's fingerprint.

It is that of `bitprop train xor --no-bias --epochs 100` on any machine. Needs bitprop's `_pure.py` beside it, and
`random.py` where the Python lacks `random.Random`.
"""

import hashlib

import _pure as bp

EPOCHS = 100

if bp.self_test() != bp.OK:
    raise SystemExit("this Python does not calculate as the contract says (are its floats 64 bits wide?)")

# The XOR-like set (docs/contract.md §10), rows end to end.
inputs = []
targets = []
for i in range(11):
    inputs += [0.1 * i, 0.1 * i]
    targets.append(0.0)
    if i != 5:
        inputs += [0.1 * i, 1 - 0.1 * i]
        targets.append(1.0)
rows = len(targets)
data = bp.Data(inputs, targets, rows)

shape = bp.Shape([2, 4, 4, 1], [bp.SIGMOID] * 3, 4, 0)
training = bp.Training()
work = bp.Work(shape)
parameters = [0.0] * bp.parameter_count(shape)
bp.init(parameters, training.generator, shape, 0, bp.NORMAL)
bp.train_start(training, [], shape, bp.Settings(batch_size=rows, learning_rate=1.0), data)
limits = bp.Limits(until=EPOCHS, budget=10 * rows)  # a slice at a time, here of ten epochs
while training.epoch < EPOCHS:
    if bp.train([], training, parameters, work, [], shape, data, limits) != bp.OK:
        raise SystemExit("training diverged")

encoded = bytearray(bp.encode_size(shape))
bp.encode(encoded, shape, parameters)
print("fingerprint", "".join([f"{byte:02x}" for byte in hashlib.sha256(encoded).digest()]))
