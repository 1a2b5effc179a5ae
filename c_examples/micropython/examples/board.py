# What differs from board to board: the network, which this machine has already, and the cloud.
# IOT_THING_PORT and IOT_THING_CA name another cloud than Amazon's, such as the local one.
import os
import zerynth

port = int(os.getenv("IOT_THING_PORT") or 8883)
cacert = None
if os.getenv("IOT_THING_CA"):
    with open(os.getenv("IOT_THING_CA")) as file:
        cacert = file.read()
