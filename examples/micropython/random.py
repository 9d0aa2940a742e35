# SPDX-License-Identifier: MIT
"""`random.Random` for Pythons that lack it, as far as bitprop needs it: MT19937 (Matsumoto and Nishimura, 1998), seeded
as CPython does. Put it beside bitprop's `_pure.py`, where `import random` then finds it (docs/embedding.md).
"""

WORD = 0xFFFFFFFF


class Random:
    """The numbers of CPython's `random.Random(seed)`, for a whole number `seed` of at least 0."""

    def __init__(self, seed=0):
        self.seed(seed)

    def seed(self, seed):
        """Starts anew from a whole number: `init_by_array` over its 32-bit words, the lowest first."""
        key = [seed & WORD]
        while seed >> 32:
            seed >>= 32
            key.append(seed & WORD)
        state = [19650218] * 624
        for i in range(1, 624):
            state[i] = (1812433253 * (state[i - 1] ^ state[i - 1] >> 30) + i) & WORD
        i = 1
        for k in range(max(624, len(key))):
            j = k % len(key)
            state[i] = ((state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) * 1664525) + key[j] + j) & WORD
            i = self._next_place(state, i)
        for _ in range(623):
            state[i] = ((state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) * 1566083941) - i) & WORD
            i = self._next_place(state, i)
        state[0] = 0x80000000
        self._state = state
        self._place = 624

    def _next_place(self, state, i):
        if i < 623:
            return i + 1
        state[0] = state[623]
        return 1

    def getrandbits(self, k):
        """The top k bits of the next word; 0 < k <= 32."""
        state = self._state
        if self._place == 624:
            for i in range(624):
                y = state[i] & 0x80000000 | state[(i + 1) % 624] & 0x7FFFFFFF
                state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (0x9908B0DF if y & 1 else 0)
            self._place = 0
        y = state[self._place]
        self._place += 1
        y ^= y >> 11
        y ^= y << 7 & 0x9D2C5680
        y ^= y << 15 & 0xEFC60000
        y ^= y >> 18
        return y >> 32 - k

    def random(self):
        """A number in [0, 1), a multiple of 2^-53."""
        a = self.getrandbits(27)
        b = self.getrandbits(26)
        return (a * 67108864.0 + b) / 9007199254740992.0
