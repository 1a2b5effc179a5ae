# Plays the driver of a secure element: OpenSSL in another process has the key, and signs with it.
# On a board this is the driver of an ATECC608A or the like.
import hwcrypto
import os


class SoftElement:
    def sign(self, hash):
        with open("hash.bin", "wb") as file:
            file.write(hash)
        if os.system("openssl pkeyutl -sign -inkey element.key -in hash.bin -out signature.bin"):
            raise OSError("the secure element does not answer")
        with open("signature.bin", "rb") as file:
            return file.read()


def hwcrypto_init():
    hwcrypto.init(SoftElement())
