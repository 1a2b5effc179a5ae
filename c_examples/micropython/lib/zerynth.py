# What Zerynth's language has built in and MicroPython has not: sleep(ms) and random(a, b).
import builtins
import random
import time

builtins.sleep = time.sleep_ms
builtins.random = random.randint
