-- One property in sync with the cloud, and a sample published every `publish_period` milliseconds:
-- two tasks on one thread. Settings come from the environment, as in the minimal C example.
local iot_thing = require "iot_thing"

local function setting(name)
    return os.getenv(name) or error(name .. " is not set", 0)
end

local function file(path)
    local handle <close> = assert(io.open(path))
    return handle:read "a"
end

local name = setting "IOT_THING_NAME"
local thing <close> = assert(iot_thing.new {
    endpoint = setting "IOT_THING_ENDPOINT",
    tcp_port = tonumber(os.getenv "IOT_THING_PORT" or 8883),
    mqtt_id = name,
    client_cert = file(setting "IOT_THING_CERT"),
    private_key = file(setting "IOT_THING_KEY"),
    ca_certs = file(setting "IOT_THING_CA"),
})

-- Tasks are coroutines: `yield(ms)` sleeps. `wake` tells when each goes on.
local wake = {}
local function start(task)
    wake[coroutine.create(task)] = iot_thing.now_ms()
end

-- Runs the tasks whose time has come; returns the milliseconds until the next one.
local function run_tasks()
    local next_ms = math.huge
    for task, when in pairs(wake) do
        local left = when - iot_thing.now_ms()
        if left <= 0 then
            local _, ms = assert(coroutine.resume(task))
            left = ms
            wake[task] = ms and iot_thing.now_ms() + ms
        end
        next_ms = math.min(next_ms, left or math.huge)
    end
    return next_ms
end

local publish_period = 1000

local handlers = {
    connected = function()
        print "connected"
    end,
    disconnected = function(event)
        print("disconnected", event.text)
    end,
    connect_failed = function(event)
        print("cannot connect", event.text, "again in " .. event.retry_ms .. " ms")
    end,
    shadow_request = function(event)
        local period = event.requested.publish_period
        if math.type(period) == "integer" and period > 0 then
            print("requested publish_period", period)
            publish_period = period
            assert(thing:update_shadow { publish_period = period })
        end
    end,
    done = function(event)
        print("not accepted", event.text, event.code)
    end,
}

start(function()
    while true do
        -- Refused when the outbox is full: the next sample will do.
        thing:publish(name .. "/sample", { asample = math.random(0, 10) })
        coroutine.yield(publish_period)
    end
end)

thing:connect()
assert(thing:update_shadow { publish_period = publish_period })
while true do
    local ms = assert(thing:poll())
    for event in thing.next_event, thing do
        local handle = handlers[event.type]
        if handle then
            handle(event)
        end
    end
    io.flush()
    thing:wait(math.floor(math.min(ms, run_tasks())))
end
