# The cloud in 15 lines.
import board
from aws.iot import default_credentials, iot

endpoint, mqttid, clicert, pkey = default_credentials.load()
thing = iot.Thing(endpoint, mqttid, clicert, pkey, cacert=board.cacert)
thing.mqtt.connect(port=board.port)
thing.mqtt.loop()

while True:
    thing.mqtt.publish("dev/sample", {"asample": random(0, 10)})
    sleep(200)
