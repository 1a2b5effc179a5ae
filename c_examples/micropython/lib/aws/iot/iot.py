# An AWS IoT Thing with the interface of Zerynth's library, on the C module _iot_thing.
import _iot_thing
import hwcrypto
import json
from mqtt import mqtt


class Thing:
    # clicert, pkey and cacert are PEM texts. With pkey '' the secure element given to
    # hwcrypto.init() signs. Without cacert Amazon's root certificates are trusted.
    def __init__(self, endpoint, mqtt_id, clicert, pkey, thingname=None, cacert=None):
        def make(port, keepalive):
            # Without a key or a secure element the library says IOT_THING_ERR_PRIVATE_KEY.
            return _iot_thing.Thing(
                endpoint, mqtt_id, clicert, pkey or None, thingname, cacert,
                port=port, keepalive=keepalive, sign=None if pkey else hwcrypto.sign())

        self.mqtt = mqtt.Client(make)

    # Reports state: a dict of the program's own keys.
    def update_shadow(self, state):
        self.mqtt._thing().update_shadow(json.dumps(state))

    # callback(requested) gets the dict of what the cloud wants; a dict that it returns is reported.
    def on_shadow_request(self, callback):
        def request(requested):
            reported = callback(requested)
            if reported is not None:
                self.update_shadow(reported)

        self.mqtt._shadow_request = request
