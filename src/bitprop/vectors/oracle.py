# SPDX-License-Identifier: MIT
"""The numeric contract (docs/contract.md, version 1) once more, by exact integers.

A binary64 value is its 64-bit pattern, a Python int. Each operation computes the exact result on integers and rounds it
once, to nearest, ties to even (§1.1). The processor's floating point, `math.exp`, `random` and `zlib` take no part, so
agreement with this module shows more than two programs leaning on the same hardware. It is slow and meant for tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from math import isqrt
from typing import NamedTuple

Row = list[int]
Rows = Sequence[Sequence[int]]

SIGN = 1 << 63
INF = 0x7FF << 52
NAN = 0x7FF8 << 48
ZERO = 0
_HIDDEN = 1 << 52
_FRACTION = _HIDDEN - 1
_MAGNITUDE = SIGN - 1


# --- §1 arithmetic ---------------------------------------------------------------------------------------------------


def rounded(sign: int, mantissa: int, exponent: int) -> int:
    """The pattern nearest to mantissa * 2**exponent, ties to even; `sign` is 0 or SIGN (§1.1, §1.3).

    The kept part has 53 bits, or fewer where the last place would fall below 2**-1074. A carry out of the rounding runs
    into the exponent field by itself, up to infinity.
    """
    drop = mantissa.bit_length() - 53
    if exponent + drop < -1074:
        drop = -1074 - exponent
    if drop > 0:
        kept = mantissa >> drop
        rest = mantissa - (kept << drop)
        half = 1 << (drop - 1)
        if rest > half or (rest == half and kept & 1):
            kept += 1
    else:
        kept = mantissa << -drop
    if not kept:
        return sign
    pattern = ((exponent + drop + 1074) << 52) + kept
    return sign | min(pattern, INF)


def is_nan(a: int) -> bool:
    """Whether the pattern is a NaN, of any sign and payload (§1.5)."""
    return a & _MAGNITUDE > INF


def is_finite(a: int) -> bool:
    """Whether the pattern is neither infinite nor a NaN (§8, divergence)."""
    return a & INF != INF


def canonical(a: int) -> int:
    """The pattern as written: any NaN is 7ff8000000000000 (§1.5)."""
    return NAN if a & _MAGNITUDE > INF else a


def parts(a: int) -> tuple[int, int]:
    """Mantissa and exponent of a finite pattern's magnitude, which is mantissa * 2**exponent."""
    e = (a >> 52) & 0x7FF
    return ((a & _FRACTION) | _HIDDEN, e - 1075) if e else (a & _FRACTION, -1074)


def add(a: int, b: int) -> int:
    """a + b (§1.1)."""
    ea = (a >> 52) & 0x7FF
    eb = (b >> 52) & 0x7FF
    if ea == 0x7FF or eb == 0x7FF:
        if is_nan(a) or is_nan(b) or (ea == eb and a != b):
            return NAN
        return a if ea == 0x7FF else b
    ma, ea = (a & _FRACTION | _HIDDEN, ea) if ea else (a & _FRACTION, 1)
    mb, eb = (b & _FRACTION | _HIDDEN, eb) if eb else (b & _FRACTION, 1)
    if a >> 63:
        ma = -ma
    if b >> 63:
        mb = -mb
    if ea > eb:
        ma <<= ea - eb
        ea = eb
    elif eb > ea:
        mb <<= eb - ea
    total = ma + mb
    if total > 0:
        return rounded(0, total, ea - 1075)
    if total:
        return rounded(SIGN, -total, ea - 1075)
    return a & b & SIGN  # an exact zero is +0.0 unless both terms are negative zeros


def neg(a: int) -> int:
    """-a: the sign changed, nothing rounded."""
    return a ^ SIGN


def sub(a: int, b: int) -> int:
    """a - b (§1.1)."""
    return add(a, b ^ SIGN)


def mul(a: int, b: int) -> int:
    """a * b (§1.1)."""
    sign = (a ^ b) & SIGN
    ea = (a >> 52) & 0x7FF
    eb = (b >> 52) & 0x7FF
    if ea == 0x7FF or eb == 0x7FF:
        if is_nan(a) or is_nan(b) or not a & _MAGNITUDE or not b & _MAGNITUDE:
            return NAN
        return sign | INF
    ma, ea = (a & _FRACTION | _HIDDEN, ea) if ea else (a & _FRACTION, 1)
    mb, eb = (b & _FRACTION | _HIDDEN, eb) if eb else (b & _FRACTION, 1)
    return rounded(sign, ma * mb, ea + eb - 2150)


def div(a: int, b: int) -> int:
    """a / b (§1.1): the quotient to 64 bits or more, with one sticky bit for what is left over."""
    sign = (a ^ b) & SIGN
    if is_nan(a) or is_nan(b):
        return NAN
    if not is_finite(a):
        return sign | INF if is_finite(b) else NAN
    if not is_finite(b):
        return sign
    (ma, ea), (mb, eb) = parts(a), parts(b)
    if not mb:
        return sign | INF if ma else NAN
    shift = 65 + max(0, mb.bit_length() - ma.bit_length())
    quotient, rest = divmod(ma << shift, mb)
    return rounded(sign, quotient << 1 | (rest != 0), ea - eb - shift - 1)


def sqrt(a: int) -> int:
    """The square root (§1.1, for §7, §9, §10, §12 and §13 only)."""
    if is_nan(a):
        return NAN
    if not a & _MAGNITUDE:
        return a
    if a >> 63:
        return NAN
    if a == INF:
        return INF
    m, e = parts(a)
    shift = 130 + (e & 1)
    m <<= shift
    root = isqrt(m)
    return rounded(0, root << 1 | (root * root != m), (e - shift) // 2 - 1)


def less(a: int, b: int) -> bool:
    """a < b; never with a NaN, and the two zeros are equal."""
    if is_nan(a) or is_nan(b):
        return False
    return (-(a & _MAGNITUDE) if a >> 63 else a) < (-(b & _MAGNITUDE) if b >> 63 else b)


def integer(n: int) -> int:
    """The binary64 nearest to an integer (exact below 2**53, see Notation)."""
    return rounded(SIGN if n < 0 else 0, abs(n), 0)


def hexfloat(text: str) -> int:
    """The pattern of a C99 hex float such as -0x1.8p+52 (Notation)."""
    sign, text = (SIGN, text[1:]) if text.startswith("-") else (0, text)
    mantissa, exponent = text[2:].split("p")
    whole, _, fraction = mantissa.partition(".")
    return rounded(sign, int(whole + fraction, 16), int(exponent) - 4 * len(fraction))


def clamp(t: int, low: int, high: int) -> int:
    """§1.6; a NaN passes through."""
    return low if less(t, low) else high if less(high, t) else t


HALF = hexfloat("0x1p-1")
ONE, TWO, SIX = integer(1), integer(2), integer(6)
TENTH = div(ONE, integer(10))


# --- §2 activations --------------------------------------------------------------------------------------------------

LOG2E = hexfloat("0x1.71547652b82fep+0")
MAGIC = hexfloat("0x1.8p+52")
LN2_HI = hexfloat("0x1.62e42feep-1")
LN2_LO = hexfloat("0x1.a39ef35793c76p-33")
P1 = hexfloat("0x1.555555555553ep-3")
P2 = hexfloat("-0x1.6c16c16bebd93p-9")
P3 = hexfloat("0x1.1566aaf25de2cp-14")
P4 = hexfloat("-0x1.bbd41c5d26bf1p-20")
P5 = hexfloat("0x1.6376972bea4d0p-25")


def power_of_two(k: int) -> int:
    """2**k for a pattern k that holds an integer of the normal range (§2, split)."""
    m, e = parts(k)
    n = m << e if e >= 0 else m >> -e
    return rounded(0, 1, -n if k >> 63 else n)


def split(t: int) -> tuple[int, int, int]:
    """r, c and s of §2, for a finite t with |t| <= 708."""
    k = sub(add(mul(t, LOG2E), MAGIC), MAGIC)
    r = sub(sub(t, mul(k, LN2_HI)), mul(k, LN2_LO))
    z = mul(r, r)
    w = mul(z, z)
    inner = add(add(P3, mul(z, P4)), mul(w, P5))
    c = add(TWO, mul(z, add(add(P1, mul(z, P2)), mul(w, inner))))
    return r, c, power_of_two(k)


def sigmoid(x: int) -> int:
    """§2."""
    if is_nan(x):
        return NAN
    r, c, s = split(clamp(neg(x), integer(-708), integer(708)))
    low = sub(c, r)
    return div(low, add(low, mul(add(c, r), s)))


def tanh(x: int) -> int:
    """§2."""
    if is_nan(x):
        return NAN
    r, c, s = split(clamp(mul(TWO, x), integer(-40), integer(40)))
    p, q = sub(s, ONE), add(s, ONE)
    return div(add(mul(p, c), mul(q, r)), add(mul(q, c), mul(p, r)))


def relu(x: int) -> int:
    """§2; -0.0 stays and so does a NaN."""
    return ZERO if less(x, ZERO) else canonical(x)


def magnitude(x: int) -> int:
    """-x if x < 0, else x (§2, softsign)."""
    return neg(x) if less(x, ZERO) else x


def softsign(x: int) -> int:
    """§2."""
    return div(x, add(ONE, magnitude(x)))


def softsign_slope(y: int) -> int:
    """§2, the slope."""
    b = sub(ONE, magnitude(y))
    return mul(b, b)


LEAK = hexfloat("0x1.47ae147ae147bp-7")


def leaky_relu(x: int) -> int:
    """§2."""
    return mul(LEAK, x) if less(x, ZERO) else canonical(x)


class Activation(NamedTuple):
    """An activation (§2)."""

    value: Callable[[int], int]  # at x
    slope: Callable[[int], int]  # from the output y


ACTIVATIONS = {  # in the order of their numbers, §11
    "sigmoid": Activation(sigmoid, lambda y: mul(y, sub(ONE, y))),
    "tanh": Activation(tanh, lambda y: sub(ONE, mul(y, y))),
    "relu": Activation(relu, lambda y: ONE if less(ZERO, y) else ZERO),
    "identity": Activation(canonical, lambda y: ONE),
    "softsign": Activation(softsign, softsign_slope),
    "leaky_relu": Activation(leaky_relu, lambda y: ONE if less(ZERO, y) else LEAK),
    "softmax": Activation(canonical, canonical),  # of a whole layer: `forward` takes softmax(), and it has no slope
}


def activation(name: str, x: int) -> int:
    """The activation of that name at x (§2)."""
    return ACTIVATIONS[name].value(x)


def slope(name: str, y: int) -> int:
    """The activation's slope, from its output y (§2)."""
    return ACTIVATIONS[name].slope(y)


# --- §2 exponentials and logarithms ----------------------------------------------------------------------------------

SQRT_HALF = hexfloat("0x1.6a09e667f3bcdp-1")
L1 = hexfloat("0x1.5555555555593p-1")
L2 = hexfloat("0x1.999999997fa04p-2")
L3 = hexfloat("0x1.2492494229359p-2")
L4 = hexfloat("0x1.c71c51d8e78afp-3")
L5 = hexfloat("0x1.7466496cb03dep-3")
L6 = hexfloat("0x1.39a09d078c69fp-3")
L7 = hexfloat("0x1.2f112df3e5244p-3")


def exp(t: int) -> int:
    """§2."""
    if is_nan(t):
        return NAN
    r, c, s = split(clamp(t, integer(-708), integer(708)))
    return mul(add(ONE, div(mul(TWO, r), sub(c, r))), s)


def log(v: int, rest: int) -> int:
    """The logarithm of v + rest, for a normal v above 0 or a NaN (§2)."""
    if is_nan(v):
        return NAN
    mantissa, exponent = parts(v)
    m, k = rounded(0, mantissa, -53), exponent + 53
    if less(m, SQRT_HALF):
        m, k = mul(TWO, m), k - 1
    f = sub(m, ONE)
    q = div(f, add(TWO, f))
    z = mul(q, q)
    w = mul(z, z)
    even = mul(w, add(L2, mul(w, add(L4, mul(w, L6)))))
    odd = mul(z, add(L1, mul(w, add(L3, mul(w, add(L5, mul(w, L7)))))))
    h = mul(mul(HALF, f), f)
    inner = add(mul(q, add(h, add(even, odd))), add(mul(integer(k), LN2_LO), rest))
    return sub(mul(integer(k), LN2_HI), sub(sub(h, inner), f))


def log1p(u: int) -> int:
    """The logarithm of 1 + u, for u from 0 to 1 or a NaN (§2)."""
    w = add(ONE, u)
    return log(w, div(sub(u, sub(w, ONE)), w))


def greatest(x: Sequence[int]) -> int:
    """The m of softmax (§4)."""
    m = x[0]
    for value in x[1:]:
        m = value if less(m, value) else m
    return m


def in_order(values: Sequence[int]) -> int:
    """The sum in order, from the first on (§4, §5)."""
    acc = values[0]
    for value in values[1:]:
        acc = add(acc, value)
    return acc


def exponentials(x: Sequence[int]) -> Row:
    """The e of softmax (§4)."""
    return [exp(sub(value, greatest(x))) for value in x]


def softmax(x: Sequence[int]) -> Row:
    """A layer's outputs (§4)."""
    e = exponentials(x)
    return [div(value, in_order(e)) for value in e]


# --- §9 generator ----------------------------------------------------------------------------------------------------

DATA_STREAM = 1 << 64
SHUFFLE_STREAM = 2 << 64
STEP_STREAM = 3 << 64
_WORD = 0xFFFFFFFF


class Generator:
    """MT19937 seeded by `init_by_array` over the 32-bit words of an integer (§9)."""

    def __init__(self, seed: int) -> None:
        """Seed it; the integer includes what the stream adds."""
        key = [seed & _WORD]
        while seed >> 32:
            seed >>= 32
            key.append(seed & _WORD)
        state = [19650218]
        for i in range(1, 624):
            state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + i) & _WORD)
        i, j = 1, 0
        for _ in range(max(624, len(key))):
            state[i] = ((state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1664525)) + key[j] + j) & _WORD
            i, j = i + 1, (j + 1) % len(key)
            if i == 624:
                state[0], i = state[623], 1
        for _ in range(623):
            state[i] = ((state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * 1566083941)) - i) & _WORD
            i += 1
            if i == 624:
                state[0], i = state[623], 1
        state[0] = 0x80000000
        self._state = state
        self._next = 624

    def word(self) -> int:
        """The next 32-bit output."""
        state = self._state
        if self._next == 624:
            for i in range(624):
                y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7FFFFFFF)
                state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
            self._next = 0
        y = state[self._next]
        self._next += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def random(self) -> int:
        """A pattern in [0, 1) with 53 bits from two outputs."""
        a = self.word() >> 5
        return rounded(0, a * 67108864 + (self.word() >> 6), -53)

    def randbelow(self, n: int) -> int:
        """An integer 0 <= k < n, by rejection; 0 < n < 2**32."""
        drop = 32 - n.bit_length()
        k = self.word() >> drop
        while k >= n:
            k = self.word() >> drop
        return k


# --- §3 shape, §9 initial parameters, §10 data -----------------------------------------------------------------------


class Net(NamedTuple):
    """A network's shape (§3); `activations` has one name for each layer after the input."""

    sizes: Sequence[int]
    activations: Sequence[str]
    bias: bool

    def layers(self) -> Iterator[tuple[int, int, int, int]]:
        """For each layer after the input: inputs, outputs, where its weights begin, where its biases do (§3)."""
        start = 0
        for m, n in zip(self.sizes, self.sizes[1:]):
            yield m, n, start, start + m * n
            start += (m + self.bias) * n

    def parameter_count(self) -> int:
        """The number of parameters (§3)."""
        return sum((m + self.bias) * n for m, n in zip(self.sizes, self.sizes[1:]))


def normal(generator: Generator, m: int, n: int) -> int:
    """A weight of a layer of m inputs and n outputs (§9): nearly a normal deviate, from twelve numbers."""
    acc = generator.random()
    for _ in range(11):
        acc = add(acc, generator.random())
    return sub(acc, SIX)


def uniform(generator: Generator, m: int, n: int) -> int:
    """Likewise, in [-1, 1) (§9)."""
    return sub(mul(TWO, generator.random()), ONE)


def glorot(generator: Generator, m: int, n: int) -> int:
    """Likewise, within the layer's own limits (§9)."""
    return mul(uniform(generator, m, n), sqrt(div(SIX, integer(m + n))))


INITS = {"normal": normal, "uniform": uniform, "glorot": glorot}


def initial_parameters(sizes: Sequence[int], bias: bool, init: str, seed: int) -> Row:
    """The starting parameters for a seed (§9)."""
    generator = Generator(seed)
    out: Row = []
    for m, n, _, _ in Net(sizes, (), bias).layers():
        out += [INITS[init](generator, m, n) for _ in range(m * n)]
        out += [ZERO] * (n if bias else 0)
    return out


def linear(n: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows and labels of the linearly separable set (§10)."""
    generator = Generator(DATA_STREAM + seed)
    rows, labels = [], []
    for _ in range(n):
        x0 = generator.random()
        x1 = generator.random()
        rows.append([x0, x1])
        labels.append([ZERO if less(x1, x0) else ONE])
    return rows, labels


def drawn(rows: int, inputs: int, outputs: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows and targets from the data's stream, for each row first its inputs; only the vectors use them (§9)."""
    generator = Generator(DATA_STREAM + seed)
    drawn = [[generator.random() for _ in range(inputs + outputs)] for _ in range(rows)]
    return [row[:inputs] for row in drawn], [row[inputs:] for row in drawn]


def xor() -> tuple[list[Row], list[Row]]:
    """Rows and labels of the XOR-like set (§10)."""
    rows, labels = [], []
    for i in range(11):
        x = mul(TENTH, integer(i))
        rows.append([x, x])
        labels.append([ZERO])
        if i != 5:
            rows.append([x, sub(ONE, x)])
            labels.append([ONE])
    return rows, labels


def direction(generator: Generator) -> tuple[int, int]:
    """A point of the unit circle (§10)."""
    while True:
        a = sub(mul(TWO, generator.random()), ONE)
        b = sub(mul(TWO, generator.random()), ONE)
        s = add(mul(a, a), mul(b, b))
        if less(ZERO, s) and not less(ONE, s):
            r = sqrt(s)
            return div(a, r), div(b, r)


def moved(generator: Generator, x0: int, x1: int, noise: int) -> Row:
    """The point with noise added to each coordinate (§10)."""
    d0 = normal(generator, 1, 1)
    d1 = normal(generator, 1, 1)
    return [add(x0, mul(noise, d0)), add(x1, mul(noise, d1))]


def circles(n: int, seed: int, noise: int) -> tuple[list[Row], list[Row]]:
    """Rows and labels of two circles (§10)."""
    generator = Generator(DATA_STREAM + seed)
    rows, labels = [], []
    for i in range(n):
        u, v = direction(generator)
        radius = HALF if i % 2 else ONE
        rows.append(moved(generator, mul(radius, u), mul(radius, v), noise))
        labels.append([integer(i % 2)])
    return rows, labels


def moons(n: int, seed: int, noise: int) -> tuple[list[Row], list[Row]]:
    """Rows and labels of two half circles (§10)."""
    generator = Generator(DATA_STREAM + seed)
    rows, labels = [], []
    for i in range(n):
        u, v = direction(generator)
        w = neg(v) if less(v, ZERO) else v
        x0, x1 = (sub(ONE, u), sub(HALF, w)) if i % 2 else (u, w)
        rows.append(moved(generator, x0, x1, noise))
        labels.append([integer(i % 2)])
    return rows, labels


def blobs(n: int, centres: int, seed: int, noise: int) -> tuple[list[Row], list[Row]]:
    """Rows and targets of points around drawn centres (§10)."""
    generator = Generator(DATA_STREAM + seed)
    middles = []
    for _ in range(centres):
        c0 = sub(mul(TWO, generator.random()), ONE)
        c1 = sub(mul(TWO, generator.random()), ONE)
        middles.append((c0, c1))
    rows, targets = [], []
    for i in range(n):
        k = i % centres
        rows.append(moved(generator, *middles[k], noise))
        targets.append([integer(k)] if centres == 2 else one_hot(k, centres))
    return rows, targets


def one_hot(k: int, width: int) -> Row:
    """1.0 in column k, and 0.0 in all others."""
    return [ONE if column == k else ZERO for column in range(width)]


S = [
    hexfloat("0x0p+0"),
    hexfloat("0x1.8f8b83c69a60bp-3"),
    hexfloat("0x1.87de2a6aea963p-2"),
    hexfloat("0x1.1c73b39ae68c8p-1"),
    hexfloat("0x1.6a09e667f3bcdp-1"),
    hexfloat("0x1.a9b66290ea1a3p-1"),
    hexfloat("0x1.d906bcf328d46p-1"),
    hexfloat("0x1.f6297cff75cb0p-1"),
    hexfloat("0x1p+0"),
]


def sine(k: int) -> int:
    """The sine of k*pi/16 (§10)."""
    m = k % 16
    value = S[m] if m <= 8 else S[16 - m]
    return neg(value) if k % 32 >= 16 else value


def two_spirals() -> tuple[list[Row], list[Row]]:
    """Rows and labels of the two spirals (§10)."""
    rows, labels = [], []
    for i in range(97):
        r = div(integer(104 - i), integer(16))
        x0, x1 = mul(r, sine(i)), mul(r, sine(i + 8))
        rows += [[x0, x1], [neg(x0), neg(x1)]]
        labels += [[ONE], [ZERO]]
    return rows, labels


def encoder(n: int) -> tuple[list[Row], list[Row]]:
    """Rows and targets with a single 1.0 each (§10)."""
    return [one_hot(i, n) for i in range(n)], [one_hot(i, n) for i in range(n)]


def parity(n: int) -> tuple[list[Row], list[Row]]:
    """All rows of n bits, and whether an odd number of them is 1.0 (§10)."""
    rows, labels = [], []
    for i in range(1 << n):
        bits = [i >> (n - 1 - j) & 1 for j in range(n)]
        rows.append([integer(bit) for bit in bits])
        labels.append([integer(bits.count(1) % 2)])
    return rows, labels


DATA_SETS: dict[str, Callable[..., tuple[list[Row], list[Row]]]] = {
    "linear": linear,
    "xor": xor,
    "circles": circles,
    "moons": moons,
    "blobs": blobs,
    "two_spirals": two_spirals,
    "encoder": encoder,
    "parity": parity,
}


# --- §4 to §8 --------------------------------------------------------------------------------------------------------


def forward(net: Net, parameters: Sequence[int], row: Sequence[int]) -> tuple[list[Row], list[Row]]:
    """Pre-activations and outputs of each layer after the input, for one row (§4)."""
    a: Sequence[int] = row
    pre, out = [], []
    for (m, n, weights, biases), name in zip(net.layers(), net.activations):
        accs = []
        for j in range(n):
            if net.bias:
                acc, first = parameters[biases + j], 0
            else:
                acc, first = mul(a[0], parameters[weights + j]), 1
            for i in range(first, m):
                acc = add(acc, mul(a[i], parameters[weights + i * n + j]))
            accs.append(canonical(acc))
        a = softmax(accs) if name == "softmax" else [activation(name, acc) for acc in accs]
        pre.append(accs)
        out.append(a)
    return pre, out


def squared_error(x: Sequence[int], outputs: Sequence[int], target: Sequence[int]) -> int:
    """A row's squared error (§5)."""
    return in_order([mul(e, e) for e in map(sub, outputs, target)])


def squared_delta(name: str, y: int, t: int) -> int:
    """The delta of an output y of that activation (§5)."""
    return mul(sub(y, t), slope(name, y))


def binary_cross_entropy(x: Sequence[int], outputs: Sequence[int], target: Sequence[int]) -> int:
    """A row's error (§5)."""
    terms = []
    for value, t in zip(x, target):
        p = value if less(ZERO, value) else ZERO
        terms.append(add(sub(p, mul(value, t)), log1p(exp(neg(magnitude(value))))))
    return in_order(terms)


def cross_entropy(x: Sequence[int], outputs: Sequence[int], target: Sequence[int]) -> int:
    """A row's error (§5)."""
    m, log_sum = greatest(x), log(in_order(exponentials(x)), ZERO)
    return in_order([mul(t, add(sub(m, value), log_sum)) for value, t in zip(x, target)])


def entropy_delta(name: str, y: int, t: int) -> int:
    """The delta of an output y with either cross-entropy (§5)."""
    return sub(y, t)


class Head(NamedTuple):
    """A loss, with what it makes of the last layer (§5, §7)."""

    error: Callable[[Sequence[int], Sequence[int], Sequence[int]], int]  # of a row: pre-activations, outputs, targets
    delta: Callable[[str, int, int], int]  # of an output, from its activation, itself and its target
    scale: int  # of the gradient sums
    figure: int  # the factor of the error
    mean: str  # what both are divided by: "" for nothing, "values" for rows times outputs, or "rows"


LOSSES = {
    "half_sse": Head(squared_error, squared_delta, ONE, HALF, ""),
    "sse": Head(squared_error, squared_delta, TWO, ONE, ""),
    "half_mse": Head(squared_error, squared_delta, ONE, HALF, "values"),
    "mse": Head(squared_error, squared_delta, TWO, ONE, "values"),
    "binary_cross_entropy": Head(binary_cross_entropy, entropy_delta, ONE, ONE, "rows"),
    "cross_entropy": Head(cross_entropy, entropy_delta, ONE, ONE, "rows"),
}


def contributions(
    net: Net, parameters: Sequence[int], row: Sequence[int], target: Sequence[int], loss: str, weight: int | None
) -> tuple[Row, int]:
    """One sample's contributions to the gradient, in the order of the parameters, and its error (§5)."""
    pre, after = forward(net, parameters, row)
    outputs = [list(row), *after]
    layers = list(net.layers())
    error = LOSSES[loss].error(pre[-1], outputs[-1], target)
    d = [LOSSES[loss].delta(net.activations[-1], y, t) for y, t in zip(outputs[-1], target)]
    if weight is not None:
        error, d = mul(error, weight), [mul(dj, weight) for dj in d]
    out: Row = []
    for k in range(len(layers) - 1, -1, -1):
        m, n, weights, _ = layers[k]
        a = outputs[k]
        out[:0] = [mul(x, dj) for x in a for dj in d] + (d if net.bias else [])
        if k:
            hidden = []
            for i in range(m):
                acc = mul(parameters[weights + i * n], d[0])
                for j in range(1, n):
                    acc = add(acc, mul(parameters[weights + i * n + j], d[j]))
                hidden.append(mul(acc, slope(net.activations[k - 1], a[i])))
            d = hidden
    return out, error


def lane_sum(lanes: Sequence[int]) -> int:
    """The sum of the eight lanes (§6)."""
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes
    return add(add(add(l0, l4), add(l2, l6)), add(add(l1, l5), add(l3, l7)))


def batch_sums(
    net: Net, parameters: Sequence[int], rows: Rows, targets: Rows, loss: str, weights: Sequence[int] | None = None
) -> tuple[Row, int]:
    """The batch's gradient sums G and its error (§6)."""
    lanes = [[ZERO] * 8 for _ in range(net.parameter_count() + 1)]
    for i, (row, target) in enumerate(zip(rows, targets)):
        weight = weights[i] if weights else None
        values, error = contributions(net, parameters, row, target, loss, weight)
        for lane, value in zip(lanes, [*values, error]):
            lane[i % 8] = add(lane[i % 8], value)
    sums = [lane_sum(lane) for lane in lanes]
    return sums[:-1], sums[-1]


def loss_scale(loss: str, rows: int, outputs: int) -> int:
    """The factor of the gradient sums (§7)."""
    head = LOSSES[loss]
    if head.mean == "values":
        return div(head.scale, integer(rows * outputs))
    return div(head.scale, integer(rows)) if head.mean == "rows" else head.scale


def figure(loss: str, error: int, rows: int, outputs: int) -> int:
    """The loss figure (§7)."""
    head = LOSSES[loss]
    if head.mean == "values":
        error = div(error, integer(rows * outputs))
    elif head.mean == "rows":
        error = div(error, integer(rows))
    return mul(head.figure, error)


def gradient(
    net: Net, parameters: Sequence[int], rows: Rows, targets: Rows, loss: str, weights: Sequence[int] | None = None
) -> tuple[Row, int]:
    """The gradient g, all rows being one batch, and the error (§7); `weights`: one for each row (§5)."""
    sums, error = batch_sums(net, parameters, rows, targets, loss, weights)
    scale = loss_scale(loss, len(rows), net.sizes[-1])
    return [mul(value, scale) for value in sums], error


class Settings(NamedTuple):
    """How to train (§7, §8), in the order of the options of a case; None: all rows, no shuffling, one learning rate."""

    learning_rate: int
    loss: str
    batch_size: int | None = None
    shuffle_seed: int | None = None
    rule: str = "descent"
    constants: Sequence[int] = ()
    weight_decay: int = ZERO
    l1: int = ZERO
    decay_biases: bool = False
    learning_rates: Sequence[int] | None = None
    row_weights: Sequence[int] | None = None
    first_step_high: int | None = None  # of first steps that are drawn, from constants[2] to this
    first_step_seed: int = 0


def descent(w: int, g: int, state: Row, settings: Settings) -> int:
    """The parameter after a step of plain gradient descent (§7)."""
    return sub(w, mul(settings.learning_rate, g))


def momentum(w: int, g: int, state: Row, settings: Settings) -> int:
    """Likewise with momentum (§7); the state is v."""
    (factor,) = settings.constants
    state[0] = add(mul(factor, state[0]), g)
    return sub(w, mul(settings.learning_rate, state[0]))


def nesterov(w: int, g: int, state: Row, settings: Settings) -> int:
    """Likewise with Nesterov's momentum (§7); the state is v."""
    (factor,) = settings.constants
    state[0] = add(mul(factor, state[0]), g)
    return sub(w, mul(settings.learning_rate, add(g, mul(factor, state[0]))))


def adam(w: int, g: int, state: Row, settings: Settings) -> int:
    """Likewise by Adam (§7); the state is m, v, p1 and p2, the last two the same for all parameters."""
    beta1, beta2, epsilon = settings.constants
    m, v, p1, p2 = state
    p1, p2 = mul(p1, beta1), mul(p2, beta2)
    a, c = div(settings.learning_rate, sub(ONE, p1)), sub(ONE, p2)
    m = add(mul(beta1, m), mul(sub(ONE, beta1), g))
    v = add(mul(beta2, v), mul(sub(ONE, beta2), mul(g, g)))
    state[:] = m, v, p1, p2
    return sub(w, div(mul(a, m), add(sqrt(div(v, c)), epsilon)))


def rprop(w: int, g: int, state: Row, settings: Settings) -> int:
    """Likewise by RPROP (§7); the state is the gradient before and the step."""
    increase, decrease, _, step_min, step_max = settings.constants
    previous, step = state
    q = mul(previous, g)
    if less(ZERO, q):
        grown = mul(step, increase)
        step = grown if less(grown, step_max) else step_max
    elif less(q, ZERO):
        shrunk = mul(step, decrease)
        step = shrunk if less(step_min, shrunk) else step_min
        g = ZERO
    state[:] = g, step
    return sub(w, step) if less(ZERO, g) else add(w, step) if less(g, ZERO) else w


class Rule(NamedTuple):
    """An update rule (§7)."""

    state: Callable[[Settings], Row]  # what it keeps for a parameter, at the start of a training
    step: Callable[[int, int, Row, Settings], int]  # the new parameter, from w, g and its state, which it changes
    decoupled: bool = False  # whether weight decay is a step of its own


RULES = {  # in the order of their numbers
    "descent": Rule(lambda settings: [], descent),
    "momentum": Rule(lambda settings: [ZERO], momentum),
    "nesterov": Rule(lambda settings: [ZERO], nesterov),
    "adam": Rule(lambda settings: [ZERO, ZERO, ONE, ONE], adam),
    "adamw": Rule(lambda settings: [ZERO, ZERO, ONE, ONE], adam, decoupled=True),
    "rprop": Rule(lambda settings: [ZERO, settings.constants[2]], rprop),
}


def first_states(count: int, settings: Settings) -> list[Row]:
    """What the rule keeps for each of so many parameters at the start of a training (§7)."""
    states = [RULES[settings.rule].state(settings) for _ in range(count)]
    if settings.first_step_high is not None:
        low, generator = settings.constants[2], Generator(STEP_STREAM + settings.first_step_seed)
        for state in states:
            state[1] = add(low, mul(sub(settings.first_step_high, low), generator.random()))
    return states


def regularised(net: Net, parameters: Row, g: Row, settings: Settings) -> tuple[Row, Row]:
    """The parameters and the gradient with which L1 and weight decay go into the step (§7)."""
    w, g = list(parameters), list(g)
    decay, l1 = settings.weight_decay, settings.l1
    for m, n, weights, biases in net.layers():
        for k in [*range(weights, weights + m * n), *range(biases, biases + n * (net.bias and settings.decay_biases))]:
            if l1 & ~SIGN and less(ZERO, w[k]):
                g[k] = add(g[k], l1)
            elif l1 & ~SIGN and less(w[k], ZERO):
                g[k] = sub(g[k], l1)
            if not decay & ~SIGN:
                continue
            if RULES[settings.rule].decoupled:
                w[k] = sub(w[k], mul(mul(settings.learning_rate, decay), w[k]))
            else:
                g[k] = add(g[k], mul(decay, w[k]))
    return w, g


def train(
    net: Net, parameters: Sequence[int], rows: Rows, targets: Rows, epochs: int, settings: Settings
) -> tuple[list[int], Row, int | None]:
    """The error of each logged epoch, final parameters, and the diverged epoch or None (§8)."""
    current = [canonical(w) for w in parameters]
    rule, loss, shuffle_seed = RULES[settings.rule], settings.loss, settings.shuffle_seed
    states, weights = first_states(len(current), settings), settings.row_weights
    order = list(range(len(rows)))
    size = settings.batch_size or len(rows)
    generator = None if shuffle_seed is None else Generator(SHUFFLE_STREAM + shuffle_seed)
    log: list[int] = []
    for epoch in range(epochs):
        if generator:
            for i in range(len(rows) - 1, 0, -1):
                k = generator.randbelow(i + 1)
                order[i], order[k] = order[k], order[i]
        if settings.learning_rates:
            settings = settings._replace(learning_rate=settings.learning_rates[epoch])
        start, total = current, ZERO
        for begin in range(0, len(rows), size):
            batch = order[begin : begin + size]
            of_rows = [weights[i] for i in batch] if weights else None
            g, error = gradient(net, current, [rows[i] for i in batch], [targets[i] for i in batch], loss, of_rows)
            current, g = regularised(net, current, g, settings)
            total = add(total, error)
            current = [rule.step(w, value, state, settings) for w, value, state in zip(current, g, states)]
        if not all(map(is_finite, [total, *current])):
            return log, start, epoch
        log.append(total)
    return log, current, None


# --- §12 Levenberg and Marquardt --------------------------------------------------------------------------------------


class Damping(NamedTuple):
    """The constants of §12, in their order."""

    mu: int
    mu_increase: int
    mu_decrease: int
    mu_max: int
    gradient_min: int


MU_LEAST = div(ONE, integer(10**20))


def derivatives(net: Net, parameters: Sequence[int], row: Sequence[int], after: Sequence[Row], j: int) -> Row:
    """The derivatives of output j by all parameters (§12); `after` are the outputs of all layers."""
    outputs = [list(row), *after]
    out = [ZERO] * net.parameter_count()
    layers = list(net.layers())
    d = {j: slope(net.activations[-1], outputs[-1][j])}
    for k in range(len(layers) - 1, -1, -1):
        m, n, weights, biases = layers[k]
        for node, delta in d.items():
            for i, value in enumerate(outputs[k]):
                out[weights + i * n + node] = mul(value, delta)
            if net.bias:
                out[biases + node] = delta
        if k:
            slopes = [slope(net.activations[k - 1], value) for value in outputs[k]]
            back = [in_order([mul(parameters[weights + i * n + node], d[node]) for node in d]) for i in range(m)]
            d = {i: mul(acc, factor) for i, (acc, factor) in enumerate(zip(back, slopes))}
    return out


def batch_products(
    net: Net, parameters: Sequence[int], rows: Rows, targets: Rows, weights: Sequence[int] | None = None
) -> tuple[dict[tuple[int, int], int], Row, int]:
    """A[p, q] for p >= q, b, and the error, of all rows (§12)."""
    count = net.parameter_count()
    a = {(p, q): [ZERO] * 8 for q in range(count) for p in range(q, count)}
    b = [[ZERO] * 8 for _ in range(count)]
    errors = [ZERO] * 8
    for i, (row, target) in enumerate(zip(rows, targets)):
        lane = i % 8
        pre, after = forward(net, parameters, row)
        error = squared_error(pre[-1], after[-1], target)
        errors[lane] = add(errors[lane], mul(error, weights[i]) if weights else error)
        for j, (y, t) in enumerate(zip(after[-1], target)):
            jacobian = derivatives(net, parameters, row, after, j)
            e = sub(y, t)
            weighted = [mul(value, weights[i]) for value in jacobian] if weights else jacobian
            for (p, q), lanes in a.items():
                lanes[lane] = add(lanes[lane], mul(jacobian[p], weighted[q]))
            for lanes, value in zip(b, weighted):
                lanes[lane] = add(lanes[lane], mul(e, value))
    return {place: lane_sum(lanes) for place, lanes in a.items()}, list(map(lane_sum, b)), lane_sum(errors)


def error_of(
    net: Net, parameters: Sequence[int], rows: Rows, targets: Rows, weights: Sequence[int] | None = None
) -> int:
    """The squared error of all rows (§6)."""
    lanes = [ZERO] * 8
    for i, (row, target) in enumerate(zip(rows, targets)):
        pre, after = forward(net, parameters, row)
        error = squared_error(pre[-1], after[-1], target)
        lanes[i % 8] = add(lanes[i % 8], mul(error, weights[i]) if weights else error)
    return lane_sum(lanes)


def damped_step(a: dict[tuple[int, int], int], b: Row, mu: int) -> Row | None:
    """The step s of §12, None where the factorisation fails."""
    count = len(b)
    factor: dict[tuple[int, int], int] = {}
    for q in range(count):
        for p in range(q, count):
            acc = add(a[p, q], mu) if p == q else a[p, q]
            for k in range(q):
                acc = sub(acc, mul(factor[p, k], factor[q, k]))
            if p == q and not less(ZERO, acc):
                return None
            factor[p, q] = sqrt(acc) if p == q else div(acc, factor[q, q])
    z: Row = []
    for q in range(count):
        acc = b[q]
        for k in range(q):
            acc = sub(acc, mul(z[k], factor[q, k]))
        z.append(div(acc, factor[q, q]))
    s = [ZERO] * count
    for p in range(count - 1, -1, -1):
        acc = z[p]
        for k in range(count - 1, p, -1):
            acc = sub(acc, mul(factor[k, p], s[k]))
        s[p] = div(acc, factor[p, p])
    return s


class Ending(NamedTuple):
    """How a training by §12 ended."""

    log: list[int]  # the error of each epoch that was logged
    parameters: Row
    mu: int  # with which the next epoch would begin
    diverged: int | None  # the epoch
    stopped: str | None  # "gradient" or "mu"


def train_levenberg(
    net: Net,
    parameters: Sequence[int],
    rows: Rows,
    targets: Rows,
    epochs: int,
    loss: str,
    damping: Damping,
    weights: Sequence[int] | None = None,
) -> Ending:
    """A training by the rule of Levenberg and Marquardt (§12)."""
    current = [canonical(w) for w in parameters]
    scale = loss_scale(loss, len(rows), net.sizes[-1])
    next_mu = damping.mu
    log: list[int] = []
    for epoch in range(epochs):
        a, b, error = batch_products(net, current, rows, targets, weights)
        if not is_finite(error):
            return Ending(log, current, next_mu, epoch, None)
        sizes = [mul(value, scale) & ~SIGN for value in b]
        if all(not is_nan(size) and not less(damping.gradient_min, size) for size in sizes):
            return Ending(log, current, next_mu, None, "gradient")
        mu = next_mu
        while True:
            step = damped_step(a, b, mu)
            if step is not None:
                moved = list(map(sub, current, step))
                if all(map(is_finite, moved)) and less(error_of(net, moved, rows, targets, weights), error):
                    break
            mu = mul(mu, damping.mu_increase)
            if less(damping.mu_max, mu):
                return Ending(log, current, next_mu, None, "mu")
        log.append(error)
        current = moved
        lower = mul(mu, damping.mu_decrease)
        next_mu = mu if less(lower, MU_LEAST) else lower
    return Ending(log, current, next_mu, None, None)


# --- §13 scaling -----------------------------------------------------------------------------------------------------


def sum_by_lanes(values: Sequence[int]) -> int:
    """The sum of a column (§6)."""
    lanes = [ZERO] * 8
    for i, value in enumerate(values):
        lanes[i % 8] = add(lanes[i % 8], value)
    return lane_sum(lanes)


def some(spread: int) -> int:
    """1 for a spread of 0 (§13)."""
    return spread if spread & ~SIGN else ONE


def standard(column: Sequence[int]) -> tuple[int, int]:
    """Shift and spread of a column (§13)."""
    n = integer(len(column))
    first = column[0]
    same = all(not less(v, first) and not less(first, v) for v in column)
    mean = first if same else div(sum_by_lanes(column), n)
    return mean, some(sqrt(div(sum_by_lanes([mul(sub(v, mean), sub(v, mean)) for v in column]), n)))


def min_max(column: Sequence[int], low: int, high: int) -> tuple[int, int]:
    """Shift and spread of a column whose values shall go from low to high (§13)."""
    a = b = column[0]
    for v in column:
        a = v if less(v, a) else a
        b = v if less(b, v) else b
    spread = some(div(sub(b, a), sub(high, low)))
    return sub(a, mul(low, spread)), spread


def scaled(v: int, shift: int, spread: int) -> int:
    """A column's value, scaled (§13)."""
    return div(sub(v, shift), spread)


def unscaled(v: int, shift: int, spread: int) -> int:
    """A scaled value taken back (§13)."""
    return add(mul(v, spread), shift)


# --- §11 model bytes -------------------------------------------------------------------------------------------------


def crc32(data: bytes) -> int:
    """CRC-32, one bit at a time (§11)."""
    crc = _WORD
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ _WORD


def encode(net: Net, parameters: Sequence[int]) -> bytes:
    """The network as bytes (§11)."""
    head = [1, int(net.bias), len(net.sizes), *net.sizes, *map(list(ACTIVATIONS).index, net.activations)]
    data = b"bitprop\0" + b"".join(n.to_bytes(4, "little") for n in head)
    data += b"".join(canonical(w).to_bytes(8, "little") for w in parameters)
    return data + crc32(data).to_bytes(4, "little")


def decode(data: bytes) -> tuple[Net, Row] | None:
    """Network and parameters of model bytes, or None where §11 refuses them."""
    if len(data) < 24 or int.from_bytes(data[-4:], "little") != crc32(data[:-4]):
        return None
    words = [int.from_bytes(data[offset : offset + 4], "little") for offset in range(8, len(data) - 3, 4)]
    version, flags, layers = words[:3]
    if data[:8] != b"bitprop\0" or version != 1 or flags > 1 or layers < 2 or len(data) < 20 + 8 * layers:
        return None
    sizes, codes = words[3 : 3 + layers], words[3 + layers : 2 + 2 * layers]
    if 0 in sizes or max(codes) >= len(ACTIVATIONS) or list(ACTIVATIONS).index("softmax") in codes[:-1]:
        return None
    net = Net(sizes, [list(ACTIVATIONS)[code] for code in codes], flags == 1)
    start = 16 + 8 * layers
    if len(data) != start + 8 * net.parameter_count() + 4:
        return None
    parameters = [int.from_bytes(data[offset : offset + 8], "little") for offset in range(start, len(data) - 4, 8)]
    return (net, parameters) if parameters == [canonical(w) for w in parameters] else None


def fingerprint(net: Net, parameters: Sequence[int]) -> str:
    """The SHA-256 of the model bytes (§11)."""
    return hashlib.sha256(encode(net, parameters)).hexdigest()
