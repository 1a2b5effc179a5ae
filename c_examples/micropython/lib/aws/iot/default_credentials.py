# Who this device is, from files in the current directory:
#   thing.conf.json        {"endpoint": HOST, "mqttid": ID}
#   certificate.pem.crt    its certificate
#   private.pem.key        its key; without this file a secure element has it
import json


def _text(name):
    with open(name) as file:
        return file.read()


# (endpoint, mqttid, clicert, pkey)
def load():
    conf = json.loads(_text("thing.conf.json"))
    try:
        pkey = _text("private.pem.key")
    except OSError:
        pkey = ""
    return conf["endpoint"], conf["mqttid"], _text("certificate.pem.crt"), pkey
