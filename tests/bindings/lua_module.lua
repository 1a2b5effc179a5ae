-- The Lua module without a cloud: JSON both ways, and every misuse answered, not crashed on.
local iot_thing = require "iot_thing"

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
        return a == b and math.type(a) == math.type(b)
    end
    for key in pairs(a) do
        if not same(a[key], b[key]) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

local function check(condition, what)
    if not condition then error("FAILED: " .. what, 2) end
end

local function fails(words, ...)
    local ok, message = pcall(...)
    check(not ok and tostring(message):find(words, 1, true), words .. ", but: " .. tostring(message))
end

-- Values as JSON and back.
for _, value in ipairs {
    true, false, 0, -1, 2.5, 1e300, math.maxinteger, math.mininteger, "", "text", "\"\\\n\0\u{1F600}",
    { 1, 2, { 3 } }, { a = 1, b = { c = { 1.5, "x" } }, d = false }, iot_thing.null,
} do
    local text = iot_thing.encode(value)
    check(same(iot_thing.decode(text), value), text)
end
check(iot_thing.decode '[1,"\\u00e9",null]'[2] == "é", "escapes")
check(iot_thing.decode '{"a":1e2}'.a == 100, "an integer with an exponent")
check(iot_thing.encode {} == "{}", "an empty table")
check(select(2, iot_thing.decode "[1,") == "IOT_THING_ERR_JSON_SYNTAX", "an incomplete text")
check(select(2, iot_thing.decode(("["):rep(100))) == "IOT_THING_ERR_JSON_DEPTH", "a deep text")
local circle = {}
circle.circle = circle
fails("nested too deep", iot_thing.encode, circle)
fails("no infinity", iot_thing.encode, math.huge)
fails("must be strings", iot_thing.encode, { [true] = 1 })
fails("has no form in JSON", iot_thing.encode, { f = print })
fails("IOT_THING_ERR_JSON_UTF8", iot_thing.encode, "\xff")

-- Configurations that are refused.
local function config(changes)
    local it = { endpoint = "localhost", mqtt_id = "lua" }
    for _, name in ipairs { "client_cert", "private_key", "ca_certs" } do
        local handle <close> = assert(io.open(os.getenv("IOT_THING_" .. ({
            client_cert = "CERT", private_key = "KEY", ca_certs = "CA",
        })[name])))
        it[name] = handle:read "a"
    end
    for name, value in pairs(changes or {}) do it[name] = value end
    return it
end
for error, changes in pairs {
    IOT_THING_ERR_ENDPOINT = { endpoint = "not a host" },
    IOT_THING_ERR_CLIENT_CERT = { client_cert = "rubbish" },
    IOT_THING_ERR_MQTT_ID = { mqtt_id = "$x" },
    IOT_THING_ERR_ARGUMENT = { keep_alive_s = 1 },
} do
    local thing, name = iot_thing.new(config(changes))
    check(thing == nil and name == error, error .. ", but: " .. tostring(name))
end
fails("must be a string", iot_thing.new, config { endpoint = 5 })
fails("must be a number", iot_thing.new, config { tcp_port = 70000 })

-- A Thing that never connects.
local thing = assert(iot_thing.new(config()))
check(thing:poll() >= 0 and thing:next_event() == nil, "an idle Thing")
check(thing:update_shadow({ a = 1 }, 7), "an update")
check(thing:publish("lua/t", "payload", 1), "a message")
check(select(2, thing:publish("#", "")) == "IOT_THING_ERR_TOPIC", "a wildcard")
check(select(2, thing:publish("t", "", 2)) == "IOT_THING_ERR_ARGUMENT", "QoS 2")
check(select(2, thing:publish("t", ("x"):rep(200000))) == "IOT_THING_ERR_TOO_LARGE", "too large")
local refused
repeat
    refused = select(2, thing:publish("t", ("x"):rep(500)))
until refused
check(refused == "IOT_THING_ERR_QUEUE_FULL", "a full outbox")
fails("milliseconds", thing.wait, thing, -1)
fails("thing expected", thing.poll, {})

-- Nothing of the configuration is lost to the collector while the Thing lives.
for _ = 1, 5 do
    collectgarbage()
    check(thing:poll(), "polling after a collection")
end
thing:close()

-- A message to oneself, through the cloud that the environment names.
local online <close> = assert(iot_thing.new(config {
    endpoint = os.getenv "IOT_THING_ENDPOINT",
    tcp_port = tonumber(os.getenv "IOT_THING_PORT"),
    mqtt_id = os.getenv "IOT_THING_NAME",
}))
local function wait_for(kind)
    for _ = 1, 1000 do
        local ms = assert(online:poll())
        for event in online.next_event, online do
            if event.type == kind then return event end
        end
        online:wait(math.min(ms, 100))
    end
    check(false, "no event " .. kind)
end
local topic = os.getenv "IOT_THING_NAME" .. "/echo"
check(select(2, online:subscribe("a/#/b")) == "IOT_THING_ERR_TOPIC", "a wrong filter")
check(online:connect() and online:subscribe(topic, 1, 5), "a subscription")
local done = wait_for "done"
check(done.token == 5 and done.error == nil, "granted")
check(online:publish(topic, "a\0b", 1), "a message")
local message = wait_for "message"
check(message.topic == topic and message.payload == "a\0b" and message.token == 5, "the message")
check(online:unsubscribe(topic, 6) and wait_for "done".token == 6, "unsubscribed")

thing:close()
check(select(2, thing:poll()) == "IOT_THING_ERR_NULL", "a closed Thing")
print "all of it holds"
