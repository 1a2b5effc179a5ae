# The MQTT client of a Thing, with the names of Zerynth's. thing.mqtt is one.
import _iot_thing
import _thread
import json
import sys
import time

# For Client.on(): the packet type of messages.
PUBLISH = 3

# What a loop_failure callback returns.
RECOVERED = 0
BREAK_LOOP = 1

# How long connect() and disconnect() may take, in ms; the library has finer limits inside.
_PATIENCE = 90000
# The loop looks at its flags this often, in ms; everything else wakes it at once.
_SLICE = 1000
# For the TLS handshake, which happens on the loop's thread.
_STACK = 256 * 1024


def _error(number):
    return OSError(number, _iot_thing.err_name(number))


class Message:
    def __init__(self, topic, payload):
        self.topic = topic
        self.payload = payload


class Client:
    def __init__(self, make):
        self._make = make  # make(port, keepalive): the native Thing
        self._native = None
        self._looping = False
        self._online = False  # as the events tell it
        self._failure = 0  # error of the last attempt to connect
        self._shadow_request = None
        self._will = None
        self._login = None
        self._next_token = 1
        self._granted = {}  # token of a subscription under way: None, or its error
        self._subscribers = {}  # token of a subscription: its own callback
        self._handlers = []  # of on(): (callback, condition)
        self._aconnect_cb = None
        self._breconnect_cb = None
        self._loop_failure = None

    # Connects and returns when that has succeeded; else OSError with the name of the reason. From
    # then on lost connections are made again by themselves: breconnect_cb(client) is called when
    # one was lost, aconnect_cb(client) whenever one was made, and loop_failure(client) decides:
    # BREAK_LOOP gives up.
    def connect(self, port=8883, keepalive=60, aconnect_cb=None, breconnect_cb=None,
                loop_failure=None):
        if self._looping:
            raise _error(_iot_thing.ERR_STATE)  # it is connected, or being so, already
        self._aconnect_cb = aconnect_cb
        self._breconnect_cb = breconnect_cb
        self._loop_failure = loop_failure
        if self._native is None:
            self._native = self._make(port, keepalive)
        if self._will is not None:
            self._native.set_will(*self._will)
        if self._login is not None:
            self._native.set_login(*self._login)
        self.reconnect()

    # What the broker publishes when the connection is lost. For the next connect().
    def set_will(self, topic, payload, qos=0, retain=False):
        self._will = (topic, payload, qos, retain)

    # AWS IoT looks at these only with a custom authorizer. For the next connect().
    def set_username_pw(self, username, password=None):
        self._login = (username, password)

    def reconnect(self):
        self._failure = 0
        self._thing().connect()
        try:
            self._until(self.connected)
        except OSError:
            self._native.disconnect()
            raise

    def connected(self):
        return self._online

    # Ends the connection politely, and the loop with it.
    def disconnect(self, timeout=_PATIENCE):
        self._thing().disconnect()
        self._failure = 0
        self._until(lambda: not self._online and self._native.state() == _iot_thing.IDLE, timeout)
        self._looping = False

    # A dict is sent as JSON. Queued: sent in order, and again after a lost connection if qos is 1.
    def publish(self, topic, payload="", qos=0, retain=False):
        if isinstance(payload, dict):
            payload = json.dumps(payload)
        self._thing().publish(topic, payload, qos, retain)

    # Subscribes to one filter, with its own callback(client, payload, topic), or to a list of
    # [filter, qos]. Returns when the broker has granted it; else OSError. Stands until
    # unsubscribe(), also when the connection was lost.
    def subscribe(self, filters, callback=None, qos=0):
        if isinstance(filters, str):
            filters = [[filters, qos]]
        for filter, qos in filters:
            token = self._next_token
            self._next_token += 1
            self._granted[token] = None
            self._subscribers[token] = callback
            self._thing().subscribe(filter, qos, token)
            self._until(lambda: self._granted[token] is not None)
            error = self._granted.pop(token)
            if error != 0:
                del self._subscribers[token]
                raise _error(error)

    def unsubscribe(self, filters):
        for filter in [filters] if isinstance(filters, str) else filters:
            self._thing().unsubscribe(filter)

    # callback(client, data) for messages when condition(data) holds; data["message"] has topic
    # and payload. Only the packet type PUBLISH is told.
    def on(self, command, callback, condition=None):
        if command != PUBLISH:
            raise ValueError("only PUBLISH")
        self._handlers.append((callback, condition))

    # Starts reception in the background and returns.
    def loop(self):
        if not self._looping:
            self._thing()
            self._looping = True
            _thread.stack_size(_STACK)
            _thread.start_new_thread(self._run, ())

    def _thing(self):
        if self._native is None:
            raise _error(_iot_thing.ERR_STATE)
        return self._native

    def _run(self):
        while self._looping:
            self._step(_SLICE)

    # One turn: work, tell what happened, wait. On one thread at a time.
    def _step(self, most_ms):
        ms = self._native.poll()
        event = self._native.next_event()
        while event is not None:
            try:
                self._handle(*event)
            except Exception as e:
                # A fault in a callback of the program ends neither the loop nor the connection.
                sys.print_exception(e)
            event = self._native.next_event()
        self._native.wait(min(ms, most_ms))

    # Runs the loop, or lets it run, until condition() holds.
    def _until(self, condition, timeout=_PATIENCE):
        start = time.ticks_ms()
        while not condition():
            if self._failure != 0:
                raise _error(self._failure)
            if time.ticks_diff(time.ticks_ms(), start) > timeout:
                raise _error(_iot_thing.ERR_TIMED_OUT)
            if self._looping:
                time.sleep_ms(20)
            else:
                self._step(100)

    def _handle(self, what, error, code, retry_ms, token, data, topic):
        if what == _iot_thing.MESSAGE:
            self._message(Message(topic, data), self._subscribers.get(token))
        elif what == _iot_thing.DONE and token in self._granted:
            self._granted[token] = error
        elif what == _iot_thing.SHADOW_REQUEST:
            if self._shadow_request is not None:
                self._shadow_request(json.loads(data))
        elif what == _iot_thing.CONNECTED:
            self._online = True
            if self._aconnect_cb is not None:
                self._aconnect_cb(self)
        elif what == _iot_thing.CONNECT_FAILED:
            self._failure = error
            self._lost()
        elif what == _iot_thing.DISCONNECTED:
            self._online = False
            if error != 0:
                if self._breconnect_cb is not None:
                    self._breconnect_cb(self)
                self._lost()
        elif error != 0:
            print("iot_thing:", _iot_thing.err_name(error), _iot_thing.err_text(error), code)

    def _message(self, message, subscriber):
        if subscriber is not None:
            subscriber(self, message.payload, message.topic)
        data = {"message": message}
        for callback, condition in self._handlers:
            if condition is None or condition(data):
                callback(self, data)

    # The library connects again by itself; the program may stop it.
    def _lost(self):
        if self._looping and self._loop_failure is not None:
            if self._loop_failure(self) == BREAK_LOOP:
                self._native.disconnect()
                self._looping = False
