# SPDX-License-Identifier: MIT
"""The golden vectors catch what they are there to catch: each of these changes of the oracle shows in its group.

They are slips that a port can make without a usual mistake (bitprop.vectors.mistakes): at sizes that a test forgets, in
options that go together, in the last places of a formula.
"""

from __future__ import annotations

import pytest

from bitprop.vectors import answers, check, mistakes

pytestmark = pytest.mark.oracle
UPDATE = "sub(w, mul(settings.learning_rate, g))"
CHECKED = "[total, *current]"
FORWARD = "acc = add(acc, mul(a[i], parameters[weights + i * n + j]))"
# The group, perhaps with one case of it; a piece of the oracle's text, and what stands in its place.
MUTANTS = [
    ("activations", "add(P1, mul(z, P2))", "fma(z, P2, P1)"),
    ("forward", "for i in range(first, m):", "for i in range(first, m) if m < 68 else range(m - 1, first - 1, -1):"),
    ("gradient", "for j in range(1, n):", "for j in range(1, n) if n < 21 else range(n - 1, 0, -1):"),
    ("gradient", "div(head.scale, integer(rows * outputs))", "div(div(head.scale, integer(rows)), integer(outputs))"),
    ("gradient", "slope(net.activations[k - 1], a[i])", "slope(net.activations[min(k - 1, 4)], a[i])"),
    ("gradient", "acc = mul(parameters[weights + i * n], d[0])", "acc = mul(parameters[weights + i % 16 * n], d[0])"),
    ("lanes", "lane[i % 8]", "lane[i % 8 if i < 104 else 0]"),
    ("steps", "for epoch in range(epochs):", "for epoch in range(max(1, epochs)):"),
    (
        "batches",
        "for i in batch], loss, of",
        "for i in batch], loss if len(targets[0]) == 1 or size == 11 else 'sse', of",
    ),
    ("batches", "gradient(net, current, [rows", "gradient(net, start, [rows"),
    (
        "shuffles",
        "for i in batch], loss, of",
        "for i in batch], loss if len(targets[0]) == 1 or size == 11 else 'sse', of",
    ),
    ("shuffles", "k = generator.randbelow(i + 1)", "k = generator.randbelow(i + 1) % 256"),
    ("shuffles", "        if generator:\n", "        if generator:\n            order = list(range(len(rows)))\n"),
    ("divergence", UPDATE, f"{UPDATE} if settings.learning_rate else w"),
    ("divergence", UPDATE, f"{UPDATE} if g & ~SIGN else w"),
    ("bytes", 'n.to_bytes(4, "little") for n in head', '(n % 256).to_bytes(4, "little") for n in head'),
    ("bytes", "canonical(w).to_bytes(8", "w.to_bytes(8"),
    ("generator", "key = [seed & _WORD]", "seed = int(float(seed))\n        key = [seed & _WORD]"),
    ("generator", "key = [seed & _WORD]", "seed &= ~(2047 << 53)\n        key = [seed & _WORD]"),
    (
        "generator third-renewal",
        "for i in range(624):\n                y",
        "self._count = getattr(self, '_count', 0) + 1\n"
        "            for i in range(624 if self._count < 4 else 0):\n                y",
    ),
    ("generator", "drop = 32 - n.bit_length()", "drop = 32 - (n - 1 or 1).bit_length()"),
    ("init", "Generator(seed)\n", "Generator(int(float(seed)))\n"),
    ("init", "integer(m + n)", "integer((m + n) % 256)"),
    ("data", "Generator(DATA_STREAM + seed)", "Generator(DATA_STREAM + int(float(seed)))"),
    ("data", "for _ in range(n):\n        x0", "for _ in range(n % 256):\n        x0"),
    ("forward", FORWARD, f"{FORWARD} if parameters[weights + i * n + j] & ~SIGN else acc"),
    ("forward", FORWARD, f"{FORWARD} if i < 258 else acc"),
    ("forward", "accs.append(canonical(acc))", "accs.append(add(acc, ZERO))"),
    ("forward", "acc, first = parameters[biases + j], 0", "acc, first = parameters[biases + j] if m > 1 else ZERO, 0"),
    ("forward", "activation(name, acc) for", "activation(net.activations[len(pre) % 8], acc) for"),
    (
        "forward",
        "acc, first = parameters[biases + j], 0",
        "b = parameters[biases + j]; acc, first = b if b & INF else ZERO, 0",
    ),
    ("gradient", "mul(x, dj) for x in a", "mul(x, dj) if x & ~SIGN else ZERO for x in a"),
    ("gradient", "mul(x, dj) for x in a", "mul(x, dj) if dj & ~SIGN else ZERO for x in a"),
    (
        "gradient",
        "mul(sub(y, t), slope(name, y))",
        "mul(sub(y, t), slope(name, y) or ZERO) if y else ZERO",
    ),
    (
        "gradient",
        "add(acc, mul(parameters[weights + i * n + j], d[j]))",
        "add(acc, mul(parameters[weights + i * n + j], d[j])) if j < 40 else acc",
    ),
    (
        "gradient",
        "add(acc, mul(parameters[weights + i * n + j], d[j]))",
        "add(acc, mul(parameters[weights + i * n + j], d[j])) if d[j] & ~SIGN else acc",
    ),
    ("gradient", "integer(rows * outputs)", "integer(rows * outputs % 256)"),
    ("gradient", "integer(rows * outputs)", "integer(rows if rows == 1 else rows * outputs)"),
    (
        "gradient",
        "error = div(error, integer(rows * outputs))",
        "error = div(error, integer(rows * outputs))\n        error = error if error & INF else ZERO",
    ),
    (
        "gradient",
        "lane[i % 8] = add(lane[i % 8], value)",
        "lane[i % 8] = add(lane[i % 8], value if value & INF else ZERO)",
    ),
    (
        "gradient",
        "    sums = [lane_sum(lane) for lane in lanes]\n",
        "    for i in range(len(rows), -(-len(rows) // 8) * 8):\n"
        "        empty = contributions(net, parameters, [ZERO] * len(rows[0]), targets[0], loss, None)[0]\n"
        "        for lane, value in zip(lanes, empty):\n"
        "            lane[i % 8] = add(lane[i % 8], mul(value, ZERO))\n"
        "    sums = [lane_sum(lane) for lane in lanes]\n",
    ),
    *(("lanes row-256", "lane[i % 8]", f"lane[i % 8 if i < 256 else {wrong}]") for wrong in range(1, 8)),
    ("batches", "size = settings.batch_size or len(rows)", "size = (settings.batch_size or 0) % 2**32 or len(rows)"),
    ("shuffles", "(SHUFFLE_STREAM + shuffle_seed)", "(SHUFFLE_STREAM + int(float(shuffle_seed)))"),
    ("divergence", CHECKED, "[total, *current[:1]]"),
    ("divergence", CHECKED, "[total, *current[1:]]"),
    ("divergence", CHECKED, "[total, *current[:-1]]"),
    ("divergence", CHECKED, "[total, *(w for _, _, a, b in net.layers() for w in current[a:b])]"),
    ("divergence", CHECKED, "[total, *current[list(net.layers())[-1][2] :]]"),
    ("divergence", CHECKED, "[total, *current[: list(net.layers())[0][3]]]"),
    ("divergence", CHECKED, "[*current]"),
    ("divergence", CHECKED, "[total, lane_sum((current * 8)[:8])]"),
    ("divergence", UPDATE, "sub(w, mul(settings.learning_rate if settings.learning_rate & INF else ZERO, g))"),
    ("divergence", UPDATE, "sub(w, mul(settings.learning_rate & ~SIGN, g))"),
    (
        "divergence",
        UPDATE,
        f"sub(w, mul(mul(settings.learning_rate, TWO), mul(HALF, g))) if settings.loss == 'sse' else {UPDATE}",
    ),
    ("divergence", "total = add(total, error)", "total = add(total, error if error & INF else ZERO)"),
    ("decode", "or version != 1", "or version % 256 != 1"),
    ("decode", "or flags > 1", "or flags % 256 > 1"),
    ("decode", "or layers < 2", "or layers < 1"),
    ("decode", "if 0 in sizes or", "if sizes[0] == 0 or"),
    ("decode", "max(codes) >= len", "max(codes) % 256 >= len"),
    ("decode", "8 * net.parameter_count()", "8 * net.parameter_count() % 2**32"),
    ("decode", "8 * net.parameter_count()", "8 * net.parameter_count() % 2**64"),
    ("decode", "8 * net.parameter_count()", "8 * (net.parameter_count() % 2**32)"),
    ("decode", "len(data) != start + 8", "len(data) < start + 8"),
    (
        "decode",
        "if parameters == [canonical(w) for w in parameters]",
        "if parameters[1:] == [canonical(w) for w in parameters[1:]]",
    ),
    ("decode", "if parameters == [canonical(w) for w in parameters]", "if all(w & ~SIGN <= NAN for w in parameters)"),
    (
        "decode",
        'int.from_bytes(data[-4:], "little") != crc32(data[:-4])',
        "data[-4:-2] != crc32(data[:-4]).to_bytes(4, 'little')[:2]",
    ),
    ("scaling", "first if same else div(sum_by_lanes(column), n)", "div(sum_by_lanes(column), n)"),
    ("scaling", "lanes[i % 8] = add(lanes[i % 8], value)", "lanes[0] = add(lanes[0], value)"),
    ("scaling", "n = integer(len(column))", "n = integer(max(1, len(column) - 1))"),
    ("scaling", "n = integer(len(column))", "n = integer(len(column) % 256)"),
    ("scaling", "return spread if spread & ~SIGN else ONE", "return spread"),
    ("scaling", "a = v if less(v, a) else a", "a = a if less(a, v) else v"),
    ("scaling", "b = v if less(b, v) else b", "b = v if less(a, v) else b"),
    ("scaling", "sub(a, mul(low, spread))", "fma(neg(low), spread, a)"),
    ("scaling", "add(mul(v, spread), shift)", "fma(v, spread, shift)"),
    ("scaling", "div(sub(v, shift), spread)", "mul(sub(v, shift), div(ONE, spread))"),
    ("large rows-65537", "lane[i % 8]", "lane[i % 8 if i < 65536 else 7]"),
    ("large rows-1025", "lane[i % 8]", "lane[i % 8 if i < 1024 else 7]"),
    ("large count-66560", "integer(rows * outputs)", "integer(rows * outputs % 65536)"),
    ("large epochs-300", "for epoch in range(epochs):", "for epoch in range(epochs % 256):"),
    ("large epochs-65537", "for epoch in range(epochs):", "for epoch in range(epochs % 65536):"),
    ("large batch-300", "size = settings.batch_size or len(rows)", "size = (settings.batch_size or len(rows)) % 256"),
    ("large layers-300", "len(net.sizes), *net.sizes", "len(net.sizes) % 256, *net.sizes"),
    ("large model-72-kb", "for byte in data:", "for byte in data[:65535]:"),
]


@pytest.mark.parametrize(("group", "old", "new"), MUTANTS)
def test_mutant_is_caught(group: str, old: str, new: str) -> None:
    """At least one case of the group, or the one that is named, has another answer, or none."""
    module = mistakes.altered(old, new)
    group, _, chosen = group.partition(" ")
    for document in check.documents([group]):
        for case in document["cases"]:
            if chosen not in ("", case["id"]):
                continue
            try:
                found = answers.answer(case["function"], case["input"], module)
            except (IndexError, ValueError, ZeroDivisionError):
                return
            if found != case["expected"]:
                return
    pytest.fail(f"no case of {group} notices: {new}")
