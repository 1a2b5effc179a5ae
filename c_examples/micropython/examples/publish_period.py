# Controlled publish period: a sample every `publish_period` ms, which the cloud can change.
import board
from aws.iot import default_credentials, iot

publish_period = 1000


def shadow_callback(requested):
    global publish_period
    print("requested publish period:", requested["publish_period"])
    publish_period = requested["publish_period"]
    return {"publish_period": publish_period}


endpoint, mqttid, clicert, pkey = default_credentials.load()
thing = iot.Thing(endpoint, mqttid, clicert, pkey, cacert=board.cacert)
print("connecting to mqtt broker...")
thing.mqtt.connect(port=board.port)
thing.on_shadow_request(shadow_callback)
thing.mqtt.loop()
thing.update_shadow({"publish_period": publish_period})

while True:
    print("publish random sample...")
    thing.mqtt.publish("dev/sample", {"asample": random(0, 10)})
    sleep(publish_period)
