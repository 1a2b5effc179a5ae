#!/usr/bin/env python3
"""check.py ROOT OUT [FRAGMENT...]: what Zephyr's build system will read, read by the same tools.

Kconfig by kconfiglib, under a stub of Zephyr's tree; the YAML files against what they must have;
every CONFIG_ symbol in the module's sources against Kconfig. Writes OUT/NAME.h, the configuration
of the sample and of the test as a header, for each way in which they are compiled.
"""
import os
import re
import sys

import kconfiglib
import yaml

root, out, fragments = sys.argv[1], sys.argv[2], sys.argv[3:]
module = os.path.join(root, "zephyr")
stubs = os.path.join(root, "tests/zephyr/stubs")
os.environ["IOT_THING_ZEPHYR"] = module
os.environ["srctree"] = stubs
checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit("FAILED: " + what)


def configure(top, *files, **values):
    """Kconfig with these fragments and values; any warning is an error, as in Zephyr."""
    tree = kconfiglib.Kconfig(top, warn_to_stderr=False)
    tree.warn_assign_undef = True
    for file in files:
        tree.load_config(file, replace=False)
    for name, value in values.items():
        check(tree.syms[name].set_value(value), "%s takes %s" % (name, value))
    check(not tree.warnings, "no warnings: %s" % tree.warnings)
    return tree


def value(tree, name):
    return tree.syms[name].str_value


# ---- defaults and choices -------------------------------------------------------------------------

zephyr = os.path.join(stubs, "Kconfig.zephyr")
tree = configure(zephyr)
check(value(tree, "IOT_THING") == "n", "off unless asked for")
tree = configure(zephyr, NETWORKING=2, NET_SOCKETS=2, ENTROPY_GENERATOR=2, IOT_THING=2)
check(value(tree, "IOT_THING") == "y", "on")
check(value(tree, "IOT_THING_CARGO") == "y", "from source by default")
check(value(tree, "IOT_THING_PORT_SOCKETS") == "y", "the port over sockets by default")
check(value(tree, "IOT_THING_RX_SIZE") == "4096", "rx_size")
check(value(tree, "IOT_THING_TLS_RX_SIZE") == "16640", "tls_rx_size")
check(value(tree, "IOT_THING_HELPER_STACK_SIZE") == "2048", "stack of the helper")
check(tree.syms["IOT_THING_RX_SIZE"].user_value is None, "nothing was set by hand")

tree = configure(zephyr, ENTROPY_GENERATOR=2, IOT_THING=2)
check(value(tree, "IOT_THING_PORT_OWN") == "y", "no sockets: the application's own port")
check(value(tree, "IOT_THING_RX_SIZE") == "", "sizes belong to the port")
tree = configure(zephyr, NETWORKING=2, NET_SOCKETS=2)
tree.syms["IOT_THING"].set_value(2)
check(value(tree, "IOT_THING") == "n", "not without a random source")

tls = dict(NETWORKING=2, NET_SOCKETS=2, NET_SOCKETS_SOCKOPT_TLS=2, ENTROPY_GENERATOR=2,
           IOT_THING=2, IOT_THING_PORT_TLS_SOCKETS=2)
tree = configure(zephyr, **tls)
check(value(tree, "IOT_THING_PORT_TLS_SOCKETS") == "y", "TLS sockets")
check(value(tree, "IOT_THING_HELPER_STACK_SIZE") == "4096", "room for the handshake")
check(value(tree, "IOT_THING_TLS_RX_SIZE") == "", "no TLS of the library's own")
tree.syms["NET_SOCKETS_SOCKOPT_TLS"].set_value(0)
check(value(tree, "IOT_THING_PORT_TLS_SOCKETS") == "n", "not without TLS sockets")

# ---- the sample and the test, as they are configured ------------------------------------------------

sample = os.path.join(module, "samples/publish_period")
test = os.path.join(module, "tests/port")
programs = {
    "sample": (os.path.join(sample, "Kconfig"),
               [os.path.join(sample, "prj.conf"), os.path.join(sample, "boards/native_sim.conf")],
               {}),
    "sample_qemu": (os.path.join(sample, "Kconfig"),
                    [os.path.join(sample, "prj.conf"),
                     os.path.join(sample, "boards/mps2_an386.conf")], {}),
    "sample_tls": (os.path.join(sample, "Kconfig"), [os.path.join(sample, "prj.conf")],
                   dict(NET_SOCKETS_SOCKOPT_TLS=2, IOT_THING_PORT_TLS_SOCKETS=2)),
    "test": (zephyr, [os.path.join(test, "prj.conf")], {}),
}
for name, (top, files, values) in programs.items():
    tree = configure(top, *files, *(fragments if name == "sample" else []), **values)
    check(value(tree, "IOT_THING") == "y", "%s has the library" % name)
    tree.write_autoconf(os.path.join(out, name + ".h"))

# ---- every symbol that is used exists ------------------------------------------------------------------

known = set(configure(os.path.join(sample, "Kconfig")).syms)
# What Zephyr's own tree says about processors; the target map asks for it.
known |= {"ARCH_POSIX", "64BIT", "RISCV", "FP_HARDABI", "FLOAT_HARD"}
known |= {"CPU_CORTEX_" + core for core in (
    "M0", "M0PLUS", "M1", "M3", "M4", "M7", "M23", "M33", "M35P", "M52", "M55", "M85")}
known |= {"RISCV_ISA_EXT_" + letter for letter in "MACFD"}
used = 0
for directory, _, files in os.walk(module):
    for file in files:
        if file.endswith(".md"):
            continue
        with open(os.path.join(directory, file)) as text:
            for symbol in re.findall(r"\bCONFIG_(\w+)", text.read()):
                used += 1
                check(symbol in known, "%s: CONFIG_%s exists" % (file, symbol))
check(used > 50, "symbols were found")

# ---- YAML ----------------------------------------------------------------------------------------------


def load(path):
    with open(path) as text:
        return yaml.safe_load(text)


it = load(os.path.join(module, "module.yml"))
check(set(it) <= {"name", "build", "samples", "tests", "security", "blobs"}, "keys of module.yml")
check(it["name"] == "iot_thing", "name")
check(os.path.exists(os.path.join(root, it["build"]["cmake"], "CMakeLists.txt")), "cmake")
check(os.path.exists(os.path.join(root, it["build"]["kconfig"])), "kconfig")
for directory in it["samples"] + it["tests"]:
    check(os.path.isdir(os.path.join(root, directory)), directory)
scenarios = [("sample.", load(os.path.join(sample, "sample.yaml"))),
             ("iot_thing.", load(os.path.join(test, "testcase.yaml")))]
for prefix, it in scenarios:
    check(set(it) <= {"sample", "common", "tests"}, "keys")
    check(prefix != "sample." or {"name", "description"} <= set(it["sample"]), "sample")
    for name, scenario in it["tests"].items():
        check(name.startswith(prefix) and re.fullmatch(r"[a-z0-9_.]+", name), name)
        check(set(scenario["integration_platforms"]) <= set(scenario["platform_allow"]), name)
print(checks, "checks of Kconfig and YAML, 0 failed")
