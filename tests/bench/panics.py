"""Lists the panics that are left in a linked program, and compares them with docs/panics.md.

panics.py PROGRAM.bin SOURCE-ROOT CARGO-HOME SYSROOT DOCUMENT

Each panic passes on where it stands: a record of file name, its length, line and column, which is
in the program only if the optimiser could not show that the panic never happens. So the records
are the list. Those at the beginning of an `async` body are left out: they tell that a future was
polled after its end, and an `.await` never does that.
"""

import collections
import glob
import pathlib
import re
import struct
import sys


def records(image):
    """The places of panics: (file, line, column)."""
    found = set()
    for at in range(0, len(image) - 15, 4):
        start, length, line, column = struct.unpack_from("<IIII", image, at)
        name = image[start : start + length]
        if 4 < length < 200 and len(name) == length and name.endswith(b".rs") and 0 < line < 20000:
            if 0 < column < 500 and name.isascii():
                found.add((name.decode(), line, column))
    return sorted(found)


def source_line(roots, name, line):
    """The text of the place, or None where the source is not installed."""
    for root in roots:
        path = pathlib.Path(root, name)
        if path.is_file():
            return path.read_text().split("\n")[line - 1]
    return None


def main():
    image, source, cargo_home, sysroot, document = sys.argv[1:]
    roots = [source] + glob.glob(cargo_home + "/registry/src/*") + [sysroot + "/lib/rustlib/src/rust"]
    explained = dict(
        (file, int(count))
        for file, count in re.findall(r"^\| `([^`]+\.rs)` \| (\d+) \|", pathlib.Path(document).read_text(), re.M)
    )
    counts = collections.Counter()
    futures = 0
    for name, line, column in records(pathlib.Path(image).read_bytes()):
        short = re.sub(r"^/rustc/[0-9a-f]+/(library/)?", "", name)
        text = source_line(roots, "library/" + short if short != name else name, line)
        rest = text[column - 1 :] if text else ""
        if rest.startswith(("{", "async ", "tls_transport!")):
            futures += 1
            continue
        counts[short] += 1
        print(f"{short}:{line}: {text.strip() if text else '(source not installed)'}")
    print(f"{sum(counts.values())} panics; besides them {futures} of futures polled after their end")

    failed = False
    for name, count in sorted(counts.items()):
        if count > explained.get(name, 0):
            print(f"NEW: {name} has {count}, {document} explains {explained.get(name, 0)}")
            failed = True
    for name in sorted(explained.keys() - counts.keys()):
        print(f"gone: {name} need not be explained any more")
    sys.exit(1 if failed else 0)


main()
