# SPDX-License-Identifier: MIT
"""The questions about model bytes and their reader (contract §11), and those that are large, that were added."""

from __future__ import annotations

from . import oracle as o
from .answers import to_hex
from .asking import (
    ADDED_ACTIVATIONS,
    MAX,
    NEG_ZERO,
    TINY,
    WIDE_SEED,
    Case,
    case,
    fields_of,
    power,
    stream,
)
from .first_cases import TENTH
from .oracle import HALF, INF, NAN, ONE, TWO, ZERO, Net, neg

OF_100_BYTES = Net([8, 1], ["relu"], False)


def bytes_cases() -> list[Case]:
    """The numbers of the activations that were added (§11)."""
    net = Net([1, 2, 1], ADDED_ACTIVATIONS, True)
    given = fields_of(net, stream("bytes", "added").parameters(net))
    out = [case("added", "layout", "numbers of the activations that were added", "model_bytes", **given)]
    net = Net([2, 3], ["softmax"], False)
    given = fields_of(net, stream("bytes", "softmax").parameters(net))
    return [*out, case("softmax", "layout", "the number of softmax", "model_bytes", **given)]


def decode_cases() -> list[Case]:
    """The reader of model bytes: what they hold, and all that it must refuse (§11)."""
    out: list[Case] = []

    def read(name: str, flags: str, note: str, data: bytes) -> None:
        out.append(case(name, flags, note, "decode", bytes=data.hex()))

    for bias in (False, True):
        for sizes, names in (
            ([1, 1], ["identity"]),
            ([2, 4, 4, 1], ["sigmoid"] * 3),
            ([3, 2, 2, 2, 2], ["relu", "tanh", "identity", "sigmoid"]),
            ([1] * 13, ["tanh", "relu"] * 6),
        ):
            net = Net(sizes, names, bias)
            name = "-".join(map(str, sizes)) + ("-bias" if bias else "")
            read(name, "layout", "what a writer wrote", o.encode(net, stream("decode", name).parameters(net)))
    net = Net([300, 1], ["sigmoid"], True)
    read("300-1-bias", "layout width", "a size of two bytes", o.encode(net, stream("decode", "300-1").parameters(net)))
    special = [ZERO, NEG_ZERO, TINY, TINY | NEG_ZERO, MAX, neg(MAX), INF, neg(INF)]
    good = o.encode(OF_100_BYTES, special)
    read("special", "signed-zero subnormal overflow", "patterns kept as they are, infinities too", good)
    read("nan", "nan", "a NaN of the one pattern that is written", o.encode(OF_100_BYTES, [NAN] * 8))
    note = "a NaN of another pattern is refused"
    for number_, pattern in enumerate((NAN | NEG_ZERO, NAN + 1, INF + 1, (INF + 1) | NEG_ZERO, (1 << 64) - 1)):
        data = good[:32] + pattern.to_bytes(8, "little") + good[40:]
        read(f"nan-{number_}", "refusal nan", note, sealed(data))
    last = good[:88] + (NAN + 1).to_bytes(8, "little") + good[96:]
    read("nan-last", "refusal nan", note + ", also as the last parameter", sealed(last))
    for length in (0, 4, 8, 11, 19, 20, 23, 24, 28, 32, 95, 96, 99):
        read(f"cut-{length}", "refusal", "bytes that end too early", good[:length])
    for length in (20, 24, 28, 32, 92, 96, 99):
        data = good[: length - 4] + bytes(4)
        read(
            f"cut-{length}-sealed",
            "refusal",
            "bytes that end too early, with the CRC that they would have",
            sealed(data),
        )
    read("extended", "refusal", "a byte follows", good + b"\0")
    read("extended-word", "refusal", "a word follows", good + bytes(4))
    read("extended-sealed", "refusal", "a byte more within the CRC", sealed(good[:96] + bytes(5)))
    read("extended-parameter", "refusal", "a parameter more within the CRC", sealed(good[:96] + bytes(12)))
    for offset in (0, 3):
        data = good[: 96 + offset] + bytes([good[96 + offset] ^ 0x80]) + good[97 + offset :]
        read(f"crc-{offset}", "refusal", "a wrong CRC", data)
    read("crc-big-endian", "refusal", "the CRC's bytes in the other order", good[:96] + good[:-5:-1])
    crc = o.crc32(good[:96])
    read("crc-inverted", "refusal", "a CRC without its final xor", good[:96] + (crc ^ 0xFFFFFFFF).to_bytes(4, "little"))
    for offset in (40, 95):
        data = good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :]
        read(f"bit-{offset}", "refusal", "a bit changed", data)
    full = o.encode(OF_100_BYTES, stream("decode", "altered").parameters(OF_100_BYTES))  # without words of zero
    for name, note, length, offset, words in ALTERED:
        altered = bytearray(full + full)
        for index, word in enumerate(words):
            altered[offset + 4 * index : offset + 4 * index + 4] = word.to_bytes(4, "little")
        read(name, "refusal" + " width" * (max(words) > 255), note, sealed(bytes(altered[:length])))
    added = Net([1, 2, 1], ADDED_ACTIVATIONS, False)
    read("added", "layout", "activations that were added", o.encode(added, stream("decode", "added").parameters(added)))
    classes = Net([2, 2, 3], ["softmax", "softmax"], True)
    data = o.encode(classes, stream("decode", "softmax").parameters(classes))
    read("softmax-hidden", "refusal", "a softmax that is not the last activation", data)
    read("softmax", "layout", "softmax as the last activation", sealed(data[:32] + bytes(4) + data[36:]))
    return out


# Bytes of the model 8-1 without biases, altered: the id, what is wrong, the length, a place, and the words there. The
# header has 20 bytes, then come two sizes, an activation, eight parameters, and the CRC, which is made to agree.
ALTERED: list[tuple[str, str, int, int, tuple[int, ...]]] = [
    ("signature", "another signature", 100, 0, (0x70746943, 0x00706F72)),
    ("signature-end", "a signature without its zero byte", 100, 4, (0x01706F72,)),
    ("version-0", "another version", 100, 8, (0,)),
    ("version-2", "another version", 100, 8, (2,)),
    ("version-257", "another version, of which one byte is right", 100, 8, (257,)),
    ("version-65537", "another version, of which two bytes are right", 100, 8, (65537,)),
    ("flags-2", "an unknown flag", 100, 12, (2,)),
    ("flags-256", "an unknown flag", 100, 12, (256,)),
    ("flags-2-long", "an unknown flag, with as many parameters as if it were two biases", 116, 12, (2,)),
    ("flags-256-bias", "an unknown flag, with as many parameters as with biases", 108, 12, (256,)),
    ("flags-31", "an unknown flag", 100, 12, (1 << 31,)),
    ("bias", "biases that are not there", 100, 12, (1,)),
    ("bias-flags-3", "an unknown flag beside that of biases", 108, 12, (3,)),
    ("layers-0", "no layers", 100, 16, (0,)),
    ("layers-0-short", "no layers, and nothing more", 24, 16, (0,)),
    ("layers-1", "one layer", 100, 16, (1,)),
    ("layers-1-short", "one layer, and nothing more", 28, 16, (1,)),
    ("layers-3", "a layer more", 100, 16, (3,)),
    ("layers-258", "layers of which one byte is right", 100, 16, (258,)),
    ("layers-65538", "layers of which two bytes are right", 100, 16, (65538,)),
    ("layers-29", "2^29 + 2 layers: 8*layers wraps in 32 bits", 100, 16, ((1 << 29) + 2,)),
    ("layers-30", "2^30 + 2 layers: 4*layers wraps in 32 bits", 100, 16, ((1 << 30) + 2,)),
    (
        "layers-31",
        "2^31 + 2 layers: 4*layers wraps in 32 bits, and the number has a sign in 32",
        100,
        16,
        ((1 << 31) + 2,),
    ),
    ("layers-32", "2^32 - 1 layers: one more is 0 in 32 bits", 100, 16, ((1 << 32) - 1,)),
    ("size-0-in", "no inputs", 100, 20, (0, 1)),
    ("size-0-out", "no outputs", 100, 20, (8, 0)),
    ("size-0-in-short", "no inputs, and no parameters", 36, 20, (0, 1)),
    ("size-0-out-short", "no outputs, and no parameters", 36, 20, (1, 0)),
    ("size-0-both", "no inputs and no outputs", 36, 20, (0, 0)),
    ("size-7", "a parameter too much", 100, 20, (7, 1)),
    ("size-9", "a parameter missing", 100, 20, (9, 1)),
    ("size-264", "a size of which one byte is right", 100, 20, (264, 1)),
    ("size-65544", "a size of which two bytes are right", 100, 20, (65544, 1)),
    ("size-out-257", "a size of which one byte is right", 100, 20, (8, 257)),
    ("size-out-65537", "a size of which two bytes are right", 100, 20, (8, 65537)),
    ("product-32", "2^32 parameters: none in 32 bits", 36, 20, (1 << 16, 1 << 16)),
    ("product-33", "2^32 + 8 parameters: eight in 32 bits", 100, 20, (24, 178956971)),
    ("bytes-32", "2^29 + 8 parameters: their bytes are those of eight in 32 bits", 100, 20, ((1 << 29) + 8, 1)),
    ("bytes-32-none", "2^29 parameters: their bytes are none in 32 bits", 36, 20, (1 << 29, 1)),
    ("bytes-64", "2^61 + 8 parameters: their bytes are those of eight in 64 bits", 100, 20, (4294705160, 536903681)),
    ("bytes-64-none", "2^61 parameters: their bytes are none in 64 bits", 36, 20, (1 << 31, 1 << 30)),
    ("product-max", "the largest sizes", 100, 20, ((1 << 32) - 1, (1 << 32) - 1)),
    ("negative", "a size that is below 0 where it has a sign", 100, 20, ((1 << 32) - 8, (1 << 32) - 1)),
    ("activation-100", "an unknown activation", 100, 28, (100,)),
    ("activation-258", "an activation of which one byte is right", 100, 28, (258,)),
    ("activation-65538", "an activation of which two bytes are right", 100, 28, (65538,)),
    ("activation-max", "an unknown activation", 100, 28, ((1 << 32) - 1,)),
]


def sealed(data: bytes) -> bytes:
    """The bytes, the last four of which are made the CRC of those before (§11)."""
    return data[:-4] + o.crc32(data[:-4]).to_bytes(4, "little")


def large_cases() -> list[Case]:
    """Sizes, counts and indices that 8 or 16 bits do not hold; all is drawn, so the cases are short (§6 to §11)."""
    out: list[Case] = []

    def fit(
        name: str,
        note: str,
        sizes: list[int],
        names: list[str],
        rows: int,
        rate: int,
        *,
        bias: bool = True,
        init: str = "normal",
        seeds: tuple[int, int, int | None] = (1, 2, None),
        loss: str = "half_sse",
        epochs: int = 1,
        batch_size: int | None = None,
    ) -> None:
        network = {"sizes": sizes, "activations": names, "bias": bias, "init": init}
        seed, data_seed, shuffle_seed = (None if number is None else f"{number:016x}" for number in seeds)
        drawn = {"seed": seed, "rows": rows, "data_seed": data_seed, "loss": loss, "epochs": epochs}
        options = {"learning_rate": to_hex(rate), "batch_size": batch_size, "shuffle_seed": shuffle_seed}
        out.append(case(name, "width", note, "fit", **network, **drawn, **options))

    two = ["tanh", "sigmoid"]
    shuffled = (1, 2, 3)
    note = "small: how these cases are asked"
    fit("small", note, [2, 3, 2], two, 5, HALF, loss="mse", epochs=3, batch_size=2, seeds=shuffled)
    note = "seeds that a binary64 cannot hold, in all three streams"
    wide = (WIDE_SEED, WIDE_SEED + 1, WIDE_SEED + 2)
    fit("seeds", note, [2, 3, 1], two, 5, HALF, epochs=2, batch_size=3, seeds=wide)
    note = "weights beyond the generator's third renewal"
    fit("weights", note, [10, 10, 1], two, 3, TENTH)
    fit("rows-257", "a batch beyond 8 bits", [7, 3, 2], ["tanh", "identity"], 257, ONE, init="uniform")
    fit("rows-1025", "a batch of many blocks", [2, 2, 2], ["tanh", "identity"], 1025, ONE, init="uniform")
    note = "batches of 300 rows, shuffled"
    fit("batch-300", note, [2, 2, 1], two, 700, TENTH, epochs=2, batch_size=300, seeds=shuffled)
    note = "301 batches, the last one short"
    fit("batches-301", note, [2, 1], ["sigmoid"], 602 - 1, TENTH, loss="half_mse", batch_size=2, seeds=shuffled)
    note = "a batch beyond 16 bits"
    fit("rows-65537", note, [1, 1], ["identity"], 65537, HALF, loss="half_mse", init="uniform")
    note = "a batch size and row numbers beyond 16 bits, shuffled"
    fit("batch-65538", note, [1, 1], ["tanh"], 70000, HALF, loss="mse", bias=False, batch_size=65538, seeds=shuffled)
    note = "rows*outputs beyond 16 bits, where neither is"
    fit("count-66560", note, [1, 260], ["identity"], 256, TWO, loss="mse", init="uniform")
    note = "epochs beyond 8 bits"
    fit("epochs-300", note, [1, 1], ["tanh"], 3, power(-6), epochs=300, seeds=shuffled, batch_size=2)
    note = "epochs beyond 16 bits"
    fit("epochs-65537", note, [1, 1], ["identity"], 1, power(-17), bias=False, init="uniform", epochs=65537)
    note = "inputs beyond 8 bits"
    fit("inputs-300", note, [300, 3, 1], ["tanh", "identity"], 5, power(-6), init="glorot", epochs=2)
    note = "outputs beyond 8 bits, summed on the way back"
    fit("outputs-260", note, [2, 2, 260], ["tanh", "identity"], 3, power(-8), init="glorot", loss="sse")
    note = "a hidden layer beyond 8 bits"
    fit("hidden-260", note, [2, 260, 3], ["relu", "identity"], 2, power(-10), init="glorot", loss="half_mse")
    note = "layers beyond 8 bits: all weights are drawn, and most of the gradient is below 2^-1022"
    fit("layers-300", note, [1] * 300, ["identity"] * 299, 2, ONE, init="uniform", bias=False)
    note = "many layers"
    fit("layers-21", note, [2] * 22, ["tanh", "identity", "identity"] * 7, 9, power(-8), loss="sse", epochs=2)
    note = "a model above 64 KB"
    fit("model-72-kb", note, [2, 3000, 1], ["relu", "identity"], 2, power(-14), init="glorot")
    return out
