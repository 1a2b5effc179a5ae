# The MicroPython package against the local cloud and against what is wrong: errors have names, the
# program runs on while C waits, callbacks may fail, and a Thing can be ended and made again.
import _iot_thing
import board
import gc
import json
import os
import time
from aws.iot import default_credentials, iot
from mqtt import mqtt


def check(condition, what):
    if not condition:
        raise Exception("FAILED: " + what)


def fails(name, f, *args):
    try:
        f(*args)
    except OSError as e:
        check(e.args[1] == name and e.errno < 0, "%s, but: %s" % (name, e))
        return
    check(False, name + " was to be raised")


def until(condition, what):
    for _ in range(1000):
        if condition():
            return
        time.sleep_ms(10)
    check(False, what)


endpoint, mqttid, clicert, pkey = default_credentials.load()


def make(**changes):
    args = dict(endpoint=endpoint, mqtt_id=mqttid, clicert=clicert, pkey=pkey, cacert=board.cacert)
    args.update(changes)
    return iot.Thing(**args)


# What is wrong is told by name.
fails("IOT_THING_ERR_STATE", make().mqtt.publish, "dev/x", "")
fails("IOT_THING_ERR_STATE", make().update_shadow, {})
fails("IOT_THING_ERR_ENDPOINT", make(endpoint="no host").mqtt.connect)
fails("IOT_THING_ERR_PRIVATE_KEY", make(pkey="").mqtt.connect)
fails("IOT_THING_ERR_PRIVATE_KEY", make(pkey="rubbish").mqtt.connect)
fails("IOT_THING_ERR_CLIENT_CERT", make(clicert="rubbish").mqtt.connect)
fails("IOT_THING_ERR_TCP_CONNECT", make().mqtt.connect, 1)
fails("IOT_THING_ERR_CERT_UNKNOWN_ISSUER", make(cacert=None).mqtt.connect, board.port)

# Connected; both sides of an object, also one that the collector has walked over.
thing = make()
events = []
thing.mqtt.connect(board.port, aconnect_cb=lambda client: events.append("connected"))
gc.collect()
check(thing.mqtt.connected() and events == ["connected"], "connected")
fails("IOT_THING_ERR_TOPIC", thing.mqtt.publish, "#", "")
fails("IOT_THING_ERR_ARGUMENT", thing.mqtt.publish, "dev/x", "", 2)
fails("IOT_THING_ERR_TOO_LARGE", thing.mqtt.publish, "dev/x", bytes(200000))
fails("IOT_THING_ERR_JSON_TYPE", thing.update_shadow, [1])

# A request reaches the callback, also after one in which the callback failed.
requests = []


def callback(requested):
    requests.append(requested)
    if requested["n"] == 1:
        raise ValueError("a fault in the program")
    return {"n": requested["n"], "deep": {"list": [1, 2.5, True, "\u20ac"]}}


thing.on_shadow_request(callback)
thing.mqtt.loop()


def cloud(command, *args):
    line = " ".join([os.getenv("TOOLS_CLOUD"), command, "--dir", os.getenv("CLOUD_DIR"),
                     "--thing", mqttid] + ["'%s'" % arg for arg in args])
    check(os.system(line + " >/dev/null") == 0, line)


cloud("request", json.dumps({"n": 1}))
until(lambda: len(requests) == 1, "the first request")
cloud("request", json.dumps({"n": 2}))
cloud("wait-reported", json.dumps({"n": 2}))
check(requests[1]["n"] == 2, "the second request")

# The program runs on while the loop waits in C: it is not slower than a second of its own work.
start = time.ticks_ms()
turns = 0
while time.ticks_diff(time.ticks_ms(), start) < 1000:
    time.sleep_ms(2)
    turns += 1
print(turns, "turns of the program in a second while the loop waited")
check(turns > 50, "the GIL is released while waiting")

# Messages, to the subscription's own callback and to the handlers whose condition holds.
got = []
thing.mqtt.on(mqtt.PUBLISH, lambda client, data: got.append(data["message"].topic),
              lambda data: data["message"].payload == b"2")
thing.mqtt.subscribe("dev/one", lambda client, payload, topic: got.append((topic, payload)))
thing.mqtt.subscribe([["dev/two", 1], ["dev/three/#", 0]])
fails("IOT_THING_ERR_TOPIC", thing.mqtt.subscribe, "a/#/b")
fails("IOT_THING_ERR_REJECTED", thing.mqtt.subscribe, "not/ours")
thing.mqtt.publish("dev/one", "1", 1)
thing.mqtt.publish("dev/two", "2", 1)
thing.mqtt.publish("dev/three/x", "3", 1)
thing.mqtt.publish("dev/three/y", "2", 1)
until(lambda: len(got) == 3, "three messages, but: %s" % got)
check(got == [("dev/one", b"1"), "dev/two", "dev/three/y"], "the messages: %s" % got)
thing.mqtt.unsubscribe("dev/one")

# A second device, whose connection ends without a word: the broker publishes its will.
thing.mqtt.subscribe("dev/will", lambda client, payload, topic: got.append(payload), 1)
other = make(mqtt_id="dev-two", thingname=mqttid)
other.mqtt.set_will("dev/will", "gone", 1)
other.mqtt.set_username_pw("ignored", "by the local cloud")
other.mqtt.connect(board.port)
other.mqtt._native.close()
until(lambda: len(got) == 4, "the will")
check(got[3] == b"gone", "the will: %s" % got[3])

# The connection is cut: the loop makes it again, and the subscriptions stand.
if os.system("%s drop --dir %s --client %s" % (os.getenv("TOOLS_CLOUD"), os.getenv("CLOUD_DIR"),
                                               mqttid)):
    check(False, "the connection could not be cut")
until(lambda: len(events) == 2, "a second connection")
thing.mqtt.publish("dev/will", "still here", 1)
until(lambda: len(got) == 5, "a message after the second connection")
fails("IOT_THING_ERR_STATE", thing.mqtt.connect, board.port)

# Garbage does no harm while the loop runs.
for _ in range(50):
    junk = [bytes(1000) for _ in range(100)]
    gc.collect()
thing.mqtt.publish("dev/x", {"junk": len(junk)}, 1)

# A clean end, and a new start with the same client.
thing.mqtt.disconnect()
check(not thing.mqtt.connected(), "disconnected")
time.sleep_ms(1200)
thing.mqtt.reconnect()
check(thing.mqtt.connected(), "connected again")
check(len(events) == 3, "connected for the third time, but: %s" % events)
thing.mqtt.disconnect()
print("all of it holds")
