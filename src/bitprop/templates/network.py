# A network for prediction, without any import: for MicroPython, and for Pythons where nothing can be installed.
# --- network: begin ---
# An example, which bitprop replaces by the network that it exports.
SIZES = (2, 1)
SIGMOID, SOFTMAX = 0, 6
ACTIVATIONS = (SIGMOID,)
BIAS = True
# The parameters' 64-bit patterns (docs/contract.md §3), and inputs with the outputs that they must give.
PARAMETERS = (
    0x3FF0000000000000, 0xBFF0000000000000, 0x0000000000000000,
)  # fmt: skip
TESTS = (((0x3FD5555555555555, 0x3FE5555555555555), (0x3FDAB72B73E7B47B,)),)
INPUT_SHIFT, INPUT_SPREAD = (0x0000000000000000, 0x0000000000000000), (0x3FF0000000000000, 0x3FF0000000000000)
OUTPUT_SHIFT, OUTPUT_SPREAD = (0x0000000000000000,), (0x3FF0000000000000,)
# --- network: end ---


def number(bits):
    """The number with this 64-bit pattern."""
    exponent = bits >> 52 & 0x7FF
    fraction = bits & 0xFFFFFFFFFFFFF
    if exponent == 0x7FF and fraction:
        return 1e300 * 1e300 * 0.0
    if exponent:
        fraction |= 1 << 52
        exponent -= 1
    value = float(fraction)
    for _ in range(exponent - 1074):
        value *= 2.0
    for _ in range(1074 - exponent):
        value *= 0.5
    return -value if bits >> 63 else value


def numbers(patterns):
    """The numbers with these patterns."""
    return [number(bits) for bits in patterns]


def power_of_two(k):
    """2^k, by products that are exact."""
    value = 1.0
    factor = 2.0 if k > 0 else 0.5
    k = abs(k)
    while k:
        if k & 1:
            value *= factor
        k >>= 1
        if k:
            factor *= factor
    return value


def ldexp(fraction, exponent):
    """fraction*2^exponent, where the power and the product are exact."""
    return fraction * power_of_two(exponent)


# --- activations: begin ---
# The twin's, in whose place bitprop writes their text.
from bitprop._pure import activation_of, softmax  # noqa: E402, I001

# --- activations: end ---
# --- scaling: begin ---
from bitprop._pure import scaled_value, unscaled_value  # noqa: E402

# --- scaling: end ---

WEIGHTS = numbers(PARAMETERS)
# --- input columns: begin ---
INPUT_COLUMNS = list(zip(numbers(INPUT_SHIFT), numbers(INPUT_SPREAD)))
# --- input columns: end ---
# --- output columns: begin ---
OUTPUT_COLUMNS = list(zip(numbers(OUTPUT_SHIFT), numbers(OUTPUT_SPREAD)))
# --- output columns: end ---


def predict(row):
    """The outputs for one row of inputs (§4). ValueError: another number of inputs."""
    if len(row) != SIZES[0]:
        raise ValueError("the row has " + str(len(row)) + " inputs, expected " + str(SIZES[0]))
    a = [float(x) for x in row]
    # --- scaled inputs: begin ---
    for i in range(len(a)):
        shift, spread = INPUT_COLUMNS[i]
        a[i] = scaled_value(a[i], shift, spread)
    # --- scaled inputs: end ---
    weights = 0
    for layer in range(1, len(SIZES)):
        n_in = SIZES[layer - 1]
        n_out = SIZES[layer]
        biases = weights + n_in * n_out
        outputs = []
        for j in range(n_out):
            acc = WEIGHTS[biases + j] if BIAS else a[0] * WEIGHTS[weights + j]
            for i in range(0 if BIAS else 1, n_in):
                acc = acc + a[i] * WEIGHTS[weights + i * n_out + j]
            outputs.append(activation_of(acc, ACTIVATIONS[layer - 1]))
        a = outputs
        weights = biases + n_out * BIAS
    if ACTIVATIONS[-1] == SOFTMAX:
        softmax(a, a, len(a))
    # --- scaled outputs: begin ---
    for j in range(len(a)):
        shift, spread = OUTPUT_COLUMNS[j]
        a[j] = unscaled_value(a[j], shift, spread)
    # --- scaled outputs: end ---
    return a


def same(a, b):
    """Whether two numbers have the same bits, any NaN being one."""
    return (a != a and b != b) or (a == b and (a != 0.0 or str(a) == str(b)))


def self_test():
    """Whether this Python calculates as the contract says, and the network gives its outputs to the last bit."""
    one, near_one, square, over_half = numbers(
        (0x3FF0000000000000, 0x3FF0000000400000, 0x3FF0000000800000, 0x3CA0000800000000)
    )
    if near_one * near_one - square != 0.0 or (one + over_half) - one == 0.0 or number(2) * 0.5 == 0.0:
        return False  # fused, rounded twice, or flushed to zero
    return all(all(map(same, predict(numbers(inputs)), numbers(outputs))) for inputs, outputs in TESTS)


if __name__ == "__main__":
    print("self-test passed" if self_test() else "SELF-TEST FAILED: this Python calculates otherwise")
