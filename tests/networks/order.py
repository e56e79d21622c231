"""The rows of each mini-batch, as the documentation of the program defines them.

A Feistel network of eight rounds permutes the smallest even number of bits that holds every row; what it sends beyond
the last row is sent on. Its round function is Threefry-2x32 of 20 rounds (Salmon et al., SC'11).
"""

WORD = 2**32


def threefry(key, counter):
    keys = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    a, b = (counter[0] + keys[0]) % WORD, (counter[1] + keys[1]) % WORD
    for injection in range(1, 6):
        for bits in (13, 15, 26, 6) if injection % 2 else (17, 29, 16, 24):
            a = (a + b) % WORD
            b = (b << bits | b >> (32 - bits)) % WORD ^ a
        a, b = (a + keys[injection % 3]) % WORD, (b + keys[(injection + 1) % 3] + injection) % WORD
    return a, b


def epoch_order(seed, epoch, n_rows):
    key = threefry((seed, 2), (epoch % WORD, epoch // WORD))
    side = 1
    while side**2 < n_rows:
        side *= 2

    def permuted(number):
        left, right = divmod(number, side)
        for turn in range(8):
            left, right = right, left ^ threefry(key, (right, turn))[0] % side
        number = left * side + right
        return number if number < n_rows else permuted(number)

    rows = [permuted(place) for place in range(n_rows)]
    assert sorted(rows) == list(range(n_rows)), "each row once"
    return rows


def batch(seed, size, n_rows, update):
    """The rows of update number `update`, counted from 0."""
    epoch, number = divmod(update, -(-n_rows // size))
    return epoch_order(seed, epoch, n_rows)[number * size : (number + 1) * size]


# The known answers of Random123.
assert threefry((0, 0), (0, 0)) == (0x6B200159, 0x99BA4EFE)
assert threefry((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3)) == (0xC4923A9C, 0x483DF7A0)
