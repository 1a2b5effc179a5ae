//! Who may use which topic, in the words of mosquitto's dynamic security plugin.
//!
//! Its counterpart in AWS is a policy with `${iot:Connection.Thing.ThingName}` in every
//! resource. The plugin of mosquitto 2.0 has no such variables, so each thing gets a role of
//! its own. An `acl_file` has them, but it grants every SUBSCRIBE and only filters what is
//! delivered, which AWS does not do.

use serde_json::{Value, json};

/// The plugin takes commands on this topic ...
pub const CONTROL_TOPIC: &str = "$CONTROL/dynamic-security/v1";
/// ... and answers on this one.
pub const CONTROL_ANSWERS: &str = "$CONTROL/dynamic-security/v1/response";

/// The group of whoever comes without a user name: only the plain listener lets such clients in.
const LOCAL_GROUP: &str = "local";

/// The plugin's configuration file.
pub fn initial(things: &[String]) -> Value {
    let mut roles = vec![json!({ "rolename": LOCAL_GROUP, "acls": local_rules() })];
    roles.extend(things.iter().map(|thing| role(thing)));
    json!({
        "defaultACLAccess": {
            "publishClientSend": false,
            "publishClientReceive": false,
            "subscribe": false,
            "unsubscribe": true,
        },
        "anonymousGroup": LOCAL_GROUP,
        "groups": [{ "groupname": LOCAL_GROUP, "roles": [{ "rolename": LOCAL_GROUP }] }],
        "clients": things.iter().map(|thing| client(thing)).collect::<Vec<_>>(),
        "roles": roles,
    })
}

/// Commands that let one more thing in while the broker runs.
pub fn add(thing: &str) -> Value {
    let mut create_role = role(thing);
    create_role["command"] = "createRole".into();
    let mut create_client = client(thing);
    create_client["command"] = "createClient".into();
    json!({ "commands": [create_role, create_client] })
}

/// Commands that cut a thing's connections: the plugin ends those of a client it disables.
pub fn kick(thing: &str) -> Value {
    json!({ "commands": [
        { "command": "disableClient", "username": thing },
        { "command": "enableClient", "username": thing },
    ] })
}

fn client(thing: &str) -> Value {
    // A client id could be named here, too, but mosquitto 2.0 does not ask the plugin about
    // clients that it knows by their certificate.
    json!({ "username": thing, "roles": [{ "rolename": role_name(thing) }] })
}

fn role(thing: &str) -> Value {
    let own_aws = format!("$aws/things/{thing}/#");
    let own = format!("{thing}/#");
    json!({
        "rolename": role_name(thing),
        "acls": [
            rule("publishClientSend", &own_aws),
            rule("publishClientSend", &own),
            // Basic Ingest is for publishing only.
            rule("publishClientSend", "$aws/rules/#"),
            rule("publishClientReceive", &own_aws),
            rule("publishClientReceive", &own),
            rule("subscribePattern", &own_aws),
            rule("subscribePattern", &own),
        ],
    })
}

fn local_rules() -> Value {
    // `#` leaves topics with a leading `$` out.
    let everything = ["#", "$aws/#", "$CONTROL/#"];
    let kinds = [
        "publishClientSend",
        "publishClientReceive",
        "subscribePattern",
    ];
    kinds
        .iter()
        .flat_map(|kind| everything.iter().map(|topic| rule(kind, topic)))
        .collect()
}

fn rule(kind: &str, topic: &str) -> Value {
    json!({ "acltype": kind, "topic": topic, "priority": 0, "allow": true })
}

fn role_name(thing: &str) -> String {
    format!("thing-{thing}")
}
