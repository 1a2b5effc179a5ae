# The secure element of the board, for Things that are given no private key.
_element = None


# element.sign(hash) gets the 32 bytes of a SHA-256 and returns an ECDSA P-256 signature as DER.
def init(element):
    global _element
    _element = element


def sign():
    return None if _element is None else _element.sign
