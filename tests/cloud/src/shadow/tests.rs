//! The decision table of AWS's shadow service, its errors, and the shape of every message.

use super::*;

const T0: u64 = 1_700_000_000;

/// A shadow with a clock that a test sets; requests and documents are JSON.
struct World {
    shadow: Shadow,
    id: ShadowId,
    now: u64,
    limits: Limits,
}

/// The responses to one request, by topic suffix.
struct Outcome(Vec<(String, Value)>);

impl World {
    fn new() -> Self {
        Self {
            shadow: Shadow::default(),
            id: ShadowId::classic("lamp"),
            now: T0,
            limits: Limits::default(),
        }
    }

    /// A world in which these sections were accepted one after the other.
    fn with(states: &[Value]) -> Self {
        let mut world = Self::new();
        for state in states {
            world.update(state.clone()).accepted();
        }
        world
    }

    fn send(&mut self, operation: Operation, payload: &[u8]) -> Outcome {
        let (after, responses) = handle(
            &self.shadow,
            &self.id,
            operation,
            payload,
            self.now,
            &self.limits,
        );
        self.shadow = after;
        let parse = |text: &str| serde_json::from_str(text).expect("a response is JSON");
        Outcome(
            responses
                .into_iter()
                .map(|response| (response.suffix, parse(&response.payload)))
                .collect(),
        )
    }

    fn update(&mut self, state: Value) -> Outcome {
        self.request(json!({ "state": state }))
    }

    fn request(&mut self, request: Value) -> Outcome {
        self.send(Operation::Update, request.to_string().as_bytes())
    }

    fn get(&mut self) -> Value {
        self.send(Operation::Get, b"").only("get/accepted")
    }

    fn state(&mut self) -> Value {
        self.get()["state"].clone()
    }
}

impl Outcome {
    fn find(&self, suffix: &str) -> Option<&Value> {
        self.0.iter().find(|(s, _)| s == suffix).map(|(_, v)| v)
    }

    fn accepted(&self) -> &Value {
        self.find("update/accepted")
            .unwrap_or_else(|| panic!("accepted expected: {:?}", self.0))
    }

    /// The state of the delta message, if there was one.
    fn delta(&self) -> Option<Value> {
        Some(self.find("update/delta")?["state"].clone())
    }

    fn documents(&self) -> &Value {
        self.find("update/documents").expect("documents expected")
    }

    /// The body of the one and only response.
    fn only(self, suffix: &str) -> Value {
        let suffixes: Vec<&str> = self.0.iter().map(|(s, _)| s.as_str()).collect();
        assert_eq!(suffixes, [suffix], "{:?}", self.0);
        self.0.into_iter().next().expect("one response").1
    }
}

/// Sends `state`; asserts the echo, the version and the delta.
fn step(world: &mut World, state: Value, version: u64, delta: Option<Value>) {
    let outcome = world.update(state.clone());
    assert_eq!(outcome.accepted()["state"], state);
    assert_eq!(outcome.accepted()["version"], version);
    assert_eq!(outcome.delta(), delta, "delta after {state}");
    assert_eq!(outcome.documents()["current"]["version"], version);
}

// --- The decision table ------------------------------------------------------------------

#[test]
fn rows_1_to_8_one_life_of_a_shadow() {
    let mut world = World::new();
    // 1
    step(&mut world, json!({"reported": {"a": 1}}), 1, None);
    assert_eq!(world.state(), json!({"reported": {"a": 1}}));
    // 2
    step(&mut world, json!({"desired": {"a": 1}}), 2, None);
    let in_sync = json!({"desired": {"a": 1}, "reported": {"a": 1}});
    assert_eq!(world.state(), in_sync);
    // 3
    let wanted = json!({"a": 2, "b": {"x": 1, "y": 2}});
    step(
        &mut world,
        json!({"desired": wanted}),
        3,
        Some(wanted.clone()),
    );
    assert_eq!(world.state()["delta"], wanted);
    // 4
    let rest = json!({"a": 2, "b": {"y": 2}});
    step(
        &mut world,
        json!({"reported": {"b": {"x": 1}}}),
        4,
        Some(rest.clone()),
    );
    assert_eq!(world.state()["delta"], rest);
    // 5
    step(
        &mut world,
        json!({"reported": {"a": 2, "b": {"y": 2, "z": 9}}}),
        5,
        None,
    );
    let reported = json!({"a": 2, "b": {"x": 1, "y": 2, "z": 9}});
    assert_eq!(
        world.state(),
        json!({"desired": wanted, "reported": reported})
    );
    // 6
    step(
        &mut world,
        json!({"reported": {"a": null}}),
        6,
        Some(json!({"a": 2})),
    );
    assert_eq!(
        world.state()["reported"],
        json!({"b": {"x": 1, "y": 2, "z": 9}})
    );
    // 7
    step(&mut world, json!({"desired": null}), 7, None);
    assert_eq!(
        world.state(),
        json!({"reported": {"b": {"x": 1, "y": 2, "z": 9}}})
    );
    // 8
    step(&mut world, Value::Null, 8, None);
    let empty = world.get();
    assert_eq!(empty["state"], json!({}));
    assert_eq!(empty["metadata"], json!({}));
    assert_eq!(empty["version"], 8);
}

#[test]
fn row_9_arrays_are_compared_and_replaced_whole() {
    let mut world = World::with(&[json!({"desired": {"l": [1, 2]}, "reported": {"l": [1]}})]);
    step(
        &mut world,
        json!({"reported": {"l": [2, 1]}}),
        2,
        Some(json!({"l": [1, 2]})),
    );
    assert_eq!(world.state()["reported"], json!({"l": [2, 1]}));
    step(&mut world, json!({"reported": {"l": [1, 2]}}), 3, None);
}

#[test]
fn row_10_an_old_or_future_version_is_a_conflict_and_changes_nothing() {
    let mut world = World::with(&vec![json!({"reported": {"a": 0}}); 5]);
    let before = world.shadow.clone();
    for version in [4, 6] {
        let request = json!({"state": {"reported": {"a": 1}}, "version": version});
        let body = world.request(request).only("update/rejected");
        assert_eq!(body, json!({"code": 409, "message": "Version conflict"}));
        assert_eq!(world.shadow, before);
    }
    let request = json!({"state": {"reported": {"a": 1}}, "version": 5});
    assert_eq!(world.request(request).accepted()["version"], 6);
}

#[test]
fn row_11_a_request_without_state_changes_nothing() {
    let mut world = World::with(&[json!({"reported": {"a": 0}})]);
    let before = world.shadow.clone();
    let body = world.request(json!({"version": 1})).only("update/rejected");
    assert_eq!(body["code"], 400);
    assert_eq!(world.shadow, before);
}

#[test]
fn row_12_get_without_shadow_is_404() {
    let body = World::new().send(Operation::Get, b"").only("get/rejected");
    let text = "No shadow exists with name: 'lamp'";
    assert_eq!(body, json!({"code": 404, "message": text}));
}

#[test]
fn row_13_delete_answers_the_last_version_and_works_once() {
    let mut world = World::with(&vec![json!({"reported": {"a": 0}}); 5]);
    let body = world.send(Operation::Delete, b"").only("delete/accepted");
    assert_eq!(body, json!({"version": 5, "timestamp": T0}));
    assert_eq!(
        world.send(Operation::Get, b"").only("get/rejected")["code"],
        404
    );
    let again = world.send(Operation::Delete, b"").only("delete/rejected");
    assert_eq!(again["code"], 404);
}

#[test]
fn row_14_a_shadow_made_again_continues_at_n_plus_2_and_is_empty() {
    let mut world = World::with(&vec![json!({"desired": {"old": 0}}); 5]);
    world.send(Operation::Delete, b"");
    let outcome = world.update(json!({"reported": {"a": 1}}));
    assert_eq!(outcome.accepted()["version"], 7);
    assert_eq!(outcome.documents()["previous"], Value::Null);
    assert_eq!(world.state(), json!({"reported": {"a": 1}}));
}

#[test]
fn row_15_a_nested_object_that_runs_empty_stays() {
    let mut world = World::with(&[json!({"reported": {"m": {"k": 1}}})]);
    step(&mut world, json!({"reported": {"m": {"k": null}}}), 2, None);
    assert_eq!(world.state(), json!({"reported": {"m": {}}}));
}

// --- Merging -----------------------------------------------------------------------------

#[test]
fn objects_and_scalars_replace_each_other() {
    let mut world = World::with(&[json!({"reported": {"a": 1, "b": {"x": 1}}})]);
    world.update(json!({"reported": {"a": {"y": 2}, "b": 3}}));
    assert_eq!(world.state(), json!({"reported": {"a": {"y": 2}, "b": 3}}));
}

#[test]
fn nulls_are_never_stored() {
    let mut world = World::with(&[json!({"reported": {"a": {"b": null, "c": 1}, "d": null}})]);
    assert_eq!(world.state(), json!({"reported": {"a": {"c": 1}}}));
}

#[test]
fn a_section_vanishes_with_its_last_member() {
    let mut world = World::with(&[json!({"desired": {"a": 1}, "reported": {"b": 1}})]);
    world.update(json!({"desired": {"a": null}}));
    assert_eq!(world.state(), json!({"reported": {"b": 1}}));
    assert!(world.get()["metadata"].get("desired").is_none());
}

#[test]
fn an_update_that_changes_nothing_counts_as_a_version() {
    let mut world = World::with(&[json!({"desired": {"a": 1}, "reported": {"a": 1}})]);
    step(&mut world, json!({"desired": {}}), 2, None);
    step(&mut world, json!({}), 3, None);
    step(&mut world, json!({"reported": {"a": 1}}), 4, None);
}

#[test]
fn a_nested_empty_object_is_kept() {
    let mut world = World::with(&[json!({"desired": {"d": {}}})]);
    assert_eq!(world.state()["desired"], json!({"d": {}}));
}

#[test]
fn removing_a_member_keeps_the_order_of_the_others() {
    let mut world = World::with(&[json!({"reported": {"a": 1, "b": 2, "c": 3, "d": 4}})]);
    world.update(json!({"reported": {"b": null}}));
    let text = world.state().to_string();
    assert_eq!(text, r#"{"reported":{"a":1,"c":3,"d":4}}"#);
}

#[test]
fn numbers_come_back_as_they_were_sent() {
    let mut world = World::new();
    let text = r#"{"reported":{"big":18446744073709551615,"low":-9223372036854775808,"x":0.1}}"#;
    let request = format!(r#"{{"state":{text}}}"#);
    world.send(Operation::Update, request.as_bytes());
    assert_eq!(world.state().to_string(), text);
}

// --- Delta -------------------------------------------------------------------------------

#[test]
fn deltas() {
    // desired, reported, delta
    let cases = [
        (json!({"a": 1}), json!({}), Some(json!({"a": 1}))),
        (json!({"a": 1}), json!({"a": 1.0}), None),
        (
            json!({"a": true}),
            json!({"a": 1}),
            Some(json!({"a": true})),
        ),
        (json!({"a": "1"}), json!({"a": 1}), Some(json!({"a": "1"}))),
        (
            json!({"a": 9_007_199_254_740_993_i64}),
            json!({"a": 9_007_199_254_740_992_i64}),
            Some(json!({"a": 9_007_199_254_740_993_i64})),
        ),
        (json!({"a": {"x": 1}}), json!({"a": {"x": 1, "y": 2}}), None),
        (
            json!({"a": {"x": 1}}),
            json!({"a": 5}),
            Some(json!({"a": {"x": 1}})),
        ),
        (
            json!({"a": 5}),
            json!({"a": {"x": 1}}),
            Some(json!({"a": 5})),
        ),
        (json!({"a": {}}), json!({}), Some(json!({"a": {}}))),
        (json!({"a": {}}), json!({"a": {"x": 1}}), None),
        (
            json!({"a": [1, {"x": 1}]}),
            json!({"a": [1.0, {"x": 1}]}),
            None,
        ),
        (
            json!({"a": [{"x": 1}]}),
            json!({"a": [{"x": 1, "y": 2}]}),
            Some(json!({"a": [{"x": 1}]})),
        ),
        (
            json!({"a": {"b": {"c": 1, "d": 2}}, "e": 3}),
            json!({"a": {"b": {"c": 1}}, "e": 3, "f": 4}),
            Some(json!({"a": {"b": {"d": 2}}})),
        ),
    ];
    for (desired, reported, expected) in cases {
        let mut world = World::new();
        let outcome = world.update(json!({"desired": desired, "reported": reported}));
        assert_eq!(outcome.delta(), expected, "{desired} against {reported}");
        let in_get = world.state().get("delta").cloned();
        assert_eq!(in_get, expected, "get: {desired} against {reported}");
    }
}

#[test]
fn a_delta_repeats_all_that_remains_after_every_update() {
    let mut world = World::with(&[json!({"desired": {"a": 1, "b": 2}})]);
    step(
        &mut world,
        json!({"reported": {"a": 1}}),
        2,
        Some(json!({"b": 2})),
    );
    step(
        &mut world,
        json!({"reported": {"other": 1}}),
        3,
        Some(json!({"b": 2})),
    );
}

// --- Metadata ----------------------------------------------------------------------------

#[test]
fn every_member_keeps_the_time_of_its_own_last_change() {
    let mut world = World::with(&[json!({"desired": {"a": 1, "b": {"x": 1, "y": 1}}})]);
    world.now = T0 + 5;
    let outcome = world.update(json!({"desired": {"b": {"y": 2}}, "reported": {"l": [1, [2]]}}));

    let at = |seconds| json!({"timestamp": T0 + seconds});
    assert_eq!(
        outcome.accepted()["metadata"],
        json!({"desired": {"b": {"y": at(5)}}, "reported": {"l": [at(5), [at(5)]]}})
    );
    assert_eq!(
        world.get()["metadata"],
        json!({
            "desired": {"a": at(0), "b": {"x": at(0), "y": at(5)}},
            "reported": {"l": [at(5), [at(5)]]},
        })
    );
    world.now = T0 + 9;
    let outcome = world.update(json!({"reported": {"b": {"x": 1}}}));
    let delta = outcome.find("update/delta").unwrap();
    assert_eq!(delta["metadata"], json!({"a": at(0), "b": {"y": at(5)}}));
    assert_eq!(delta["timestamp"], T0 + 9);
}

#[test]
fn metadata_follows_a_change_of_shape() {
    let mut world = World::with(&[json!({"reported": {"a": 1, "timestamp": {"timestamp": 1}}})]);
    let at = |seconds| json!({"timestamp": T0 + seconds});
    world.now = T0 + 1;
    world.update(json!({"reported": {"a": {"timestamp": 7}}}));
    assert_eq!(
        world.get()["metadata"]["reported"],
        json!({"a": {"timestamp": at(1)}, "timestamp": {"timestamp": at(0)}})
    );
    world.now = T0 + 2;
    world.update(json!({"reported": {"a": 1, "timestamp": null}}));
    assert_eq!(world.get()["metadata"]["reported"], json!({"a": at(2)}));
}

#[test]
fn removals_are_stamped_in_the_echo() {
    let mut world = World::with(&[json!({"desired": {"a": 1}, "reported": {"b": 1}})]);
    let at = json!({"timestamp": T0});
    let echo = |outcome: Outcome| outcome.accepted()["metadata"].clone();
    let removed = echo(world.update(json!({"reported": {"b": null}})));
    assert_eq!(removed, json!({"reported": {"b": at}}));
    assert_eq!(
        echo(world.update(json!({"desired": null}))),
        json!({"desired": at})
    );
    assert_eq!(echo(world.update(Value::Null)), at);
}

// --- The messages, byte by byte ------------------------------------------------------------

#[test]
fn messages_have_the_key_order_of_the_service() {
    let mut world = World::new();
    let texts = |world: &World, operation, payload: &str| {
        let (after, responses) = handle(
            &world.shadow,
            &world.id,
            operation,
            payload.as_bytes(),
            T0,
            &world.limits,
        );
        let texts: Vec<(String, String)> = responses
            .into_iter()
            .map(|response| (response.suffix, response.payload))
            .collect();
        (after, texts)
    };
    let request = r#"{"clientToken":"t1","state":{"desired":{"c":"red"}}}"#;
    let (after, created) = texts(&world, Operation::Update, request);
    let c = r#"{"c":{"timestamp":1700000000}}"#;
    let expect = |pairs: &[(&str, String)]| -> Vec<(String, String)> {
        let owned = pairs.iter().map(|(s, t)| ((*s).to_owned(), t.clone()));
        owned.collect()
    };
    assert_eq!(
        created,
        expect(&[
            (
                "update/accepted",
                format!(
                    r#"{{"state":{{"desired":{{"c":"red"}}}},"metadata":{{"desired":{c}}},"version":1,"timestamp":1700000000,"clientToken":"t1"}}"#
                )
            ),
            (
                "update/delta",
                format!(
                    r#"{{"version":1,"timestamp":1700000000,"state":{{"c":"red"}},"metadata":{c},"clientToken":"t1"}}"#
                )
            ),
            (
                "update/documents",
                format!(
                    r#"{{"previous":null,"current":{{"state":{{"desired":{{"c":"red"}}}},"metadata":{{"desired":{c}}},"version":1}},"timestamp":1700000000,"clientToken":"t1"}}"#
                )
            ),
        ])
    );
    world.shadow = after;
    let (_, got) = texts(&world, Operation::Get, r#"{"clientToken":"t2"}"#);
    assert_eq!(
        got,
        expect(&[(
            "get/accepted",
            format!(
                r#"{{"state":{{"desired":{{"c":"red"}},"delta":{{"c":"red"}}}},"metadata":{{"desired":{c}}},"version":1,"timestamp":1700000000,"clientToken":"t2"}}"#
            )
        )])
    );
    let (_, deleted) = texts(&world, Operation::Delete, r#"{"clientToken":"t3"}"#);
    assert_eq!(
        deleted,
        expect(&[(
            "delete/accepted",
            r#"{"version":1,"timestamp":1700000000,"clientToken":"t3"}"#.to_owned()
        )])
    );
    let (_, refused) = texts(&world, Operation::Update, r#"{"clientToken":"t4"}"#);
    assert_eq!(
        refused,
        expect(&[(
            "update/rejected",
            r#"{"code":400,"message":"Missing required node: state","timestamp":1700000000,"clientToken":"t4"}"#
                .to_owned()
        )])
    );
}

#[test]
fn documents_hold_the_true_state_before_and_after() {
    let mut world = World::with(&[json!({"desired": {"a": {"x": 1}}})]);
    world.now = T0 + 1;
    let outcome = world.request(json!({"state": {"desired": {"a": {"x": 2}}}, "clientToken": "t"}));
    assert_eq!(
        *outcome.documents(),
        json!({
            "previous": {
                "state": {"desired": {"a": {"x": 1}}},
                "metadata": {"desired": {"a": {"x": {"timestamp": T0}}}},
                "version": 1,
            },
            "current": {
                "state": {"desired": {"a": {"x": 2}}},
                "metadata": {"desired": {"a": {"x": {"timestamp": T0 + 1}}}},
                "version": 2,
            },
            "timestamp": T0 + 1,
            "clientToken": "t",
        })
    );
}

#[test]
fn without_a_client_token_no_message_has_one() {
    let mut world = World::new();
    let outcome = world.update(json!({"desired": {"a": 1}}));
    assert_eq!(outcome.0.len(), 3);
    for (suffix, body) in outcome.0 {
        assert!(body.get("clientToken").is_none(), "{suffix}");
    }
}

// --- Errors ------------------------------------------------------------------------------

/// Sends an update that must be refused and leave no trace.
fn refusal(payload: &[u8]) -> (u64, String) {
    let mut world = World::with(&[json!({"reported": {"a": 0}})]);
    let before = world.shadow.clone();
    let body = world
        .send(Operation::Update, payload)
        .only("update/rejected");
    assert_eq!(world.shadow, before);
    let message = body["message"].as_str().expect("a message").to_owned();
    (body["code"].as_u64().expect("a code"), message)
}

#[test]
fn malformed_updates_get_the_error_of_the_service() {
    let token_65 = format!(r#"{{"state":{{}},"clientToken":"{}"}}"#, "t".repeat(65));
    let cases: Vec<(&str, &str)> = vec![
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        (r#"{"state":{},}"#, "Invalid JSON"),
        ("3", "Invalid JSON"),
        ("[]", "Invalid JSON"),
        ("null", "Invalid JSON"),
        ("{}", "Missing required node: state"),
        (r#"{"version":1}"#, "Missing required node: state"),
        (r#"{"state":5}"#, "State node must be an object"),
        (r#"{"state":[]}"#, "State node must be an object"),
        (
            r#"{"state":{"desired":5}}"#,
            "Desired node must be an object",
        ),
        (
            r#"{"state":{"desired":[]}}"#,
            "Desired node must be an object",
        ),
        (
            r#"{"state":{"reported":"x"}}"#,
            "Reported node must be an object",
        ),
        (
            r#"{"state":{"other":{}}}"#,
            "State contains an invalid node",
        ),
        (
            r#"{"state":{"desired":{"l":[1,null]}}}"#,
            "State contains an invalid node",
        ),
        (
            r#"{"state":{"reported":{"l":[{"a":null}]}}}"#,
            "State contains an invalid node",
        ),
        (r#"{"state":{},"version":0}"#, "Invalid version"),
        (r#"{"state":{},"version":-1}"#, "Invalid version"),
        (r#"{"state":{},"version":1.5}"#, "Invalid version"),
        (r#"{"state":{},"version":"1"}"#, "Invalid version"),
        (r#"{"state":{},"version":null}"#, "Invalid version"),
        (r#"{"state":{},"clientToken":5}"#, "Invalid clientToken"),
        (r#"{"state":{},"clientToken":null}"#, "Invalid clientToken"),
        (&token_65, "Invalid clientToken"),
    ];
    for (payload, message) in cases {
        let expected = (400, message.to_owned());
        assert_eq!(refusal(payload.as_bytes()), expected, "{payload}");
    }
}

#[test]
fn other_encodings_than_utf_8_are_415() {
    let text = "Unsupported documented encoding; supported encoding is UTF-8";
    let payload = b"{\"state\":{\"desired\":{\"a\":\"\xff\"}}}";
    assert_eq!(refusal(payload), (415, text.to_owned()));
}

#[test]
fn a_valid_client_token_is_repeated_in_a_rejection_and_an_invalid_one_is_not() {
    let mut world = World::new();
    let longest = "t".repeat(64);
    let body = world
        .request(json!({"state": 5, "clientToken": longest}))
        .only("update/rejected");
    assert_eq!(body["clientToken"], longest);
    let body = world
        .request(json!({"state": 5, "clientToken": "t".repeat(65)}))
        .only("update/rejected");
    assert!(body.get("clientToken").is_none());
    // The limit counts bytes: 33 two-byte characters are too many.
    let body = world
        .request(json!({"state": {}, "clientToken": "ä".repeat(33)}))
        .only("update/rejected");
    assert_eq!(body["message"], "Invalid clientToken");
}

#[test]
fn a_version_for_a_shadow_that_does_not_exist_can_only_be_1() {
    let request = |version: u64| json!({"state": {"reported": {"a": 1}}, "version": version});
    let body = World::new().request(request(2)).only("update/rejected");
    assert_eq!(body["code"], 400);
    assert_eq!(body["message"], "Invalid version");
    assert_eq!(World::new().request(request(1)).accepted()["version"], 1);
}

#[test]
fn get_and_delete_check_token_and_json_only() {
    for operation in [Operation::Get, Operation::Delete] {
        let accepted = format!("{}/accepted", operation.as_str());
        let rejected = format!("{}/rejected", operation.as_str());
        let send = |payload: &str| {
            World::with(&[json!({"reported": {"a": 0}})]).send(operation, payload.as_bytes())
        };
        assert_eq!(
            send(r#"{"clientToken":"t"}"#).only(&accepted)["clientToken"],
            "t"
        );
        assert_eq!(
            send(r#"{"state":5,"version":"x"}"#).only(&accepted)["version"],
            1
        );
        let bad = send(r#"{"clientToken":7}"#).only(&rejected);
        assert_eq!(bad["message"], "Invalid clientToken");
        assert_eq!(send("{").only(&rejected)["message"], "Invalid JSON");
        let absent = World::new().send(operation, br#"{"clientToken":"t"}"#);
        assert_eq!(absent.only(&rejected)["clientToken"], "t");
    }
}

#[test]
fn the_404_of_a_named_shadow_names_both() {
    let mut world = World::new();
    world.id = ShadowId::named("lamp", "cfg");
    let body = world.send(Operation::Get, b"").only("get/rejected");
    assert_eq!(body["message"], "No shadow exists with name: 'lamp~cfg'");
}

#[test]
fn names_outside_the_charset_are_refused() {
    for (id, message) in [
        (ShadowId::classic("a b"), "Invalid thing name"),
        (ShadowId::named("a", "b.c"), "Invalid shadow name"),
        (ShadowId::named("a", ""), "Invalid shadow name"),
    ] {
        let mut world = World::new();
        world.id = id;
        let body = world.update(json!({})).only("update/rejected");
        assert_eq!(body["code"], 400);
        assert_eq!(body["message"], message);
    }
}

// --- Limits ------------------------------------------------------------------------------

/// A section of which `{"reported":SECTION}` has `bytes` bytes.
fn section_of(bytes: usize) -> Value {
    let frame = json!({"reported": {"a": ""}}).to_string().len();
    json!({"a": "x".repeat(bytes - frame)})
}

#[test]
fn the_size_limit_is_exact() {
    let fits = json!({"reported": section_of(8192)});
    assert_eq!(fits.to_string().len(), 8192);
    World::new().update(fits).accepted();

    let mut world = World::new();
    let body = world
        .update(json!({"reported": section_of(8193)}))
        .only("update/rejected");
    assert_eq!(body["code"], 413);
    assert_eq!(
        body["message"],
        "The payload exceeds the maximum size allowed"
    );
    assert_eq!(world.shadow, Shadow::default());
}

#[test]
fn a_small_update_is_refused_when_the_document_would_grow_too_large() {
    let mut world = World::with(&[json!({"reported": section_of(8190)})]);
    let before = world.shadow.clone();
    let body = world
        .update(json!({"desired": {"b": 1}}))
        .only("update/rejected");
    assert_eq!(body["code"], 413);
    assert_eq!(world.shadow, before);
    // Metadata, token and white space do not count.
    world.update(json!({"reported": {"a": "y"}})).accepted();
    let spaces = format!(r#"{{"state":{{"desired":{{"b":1}}}}{}}}"#, " ".repeat(9000));
    world.send(Operation::Update, spaces.as_bytes()).accepted();
}

#[test]
fn a_large_request_is_refused_even_if_little_of_it_would_stay() {
    let removal = json!({"reported": {"x".repeat(8192): null}});
    let body = World::new().update(removal).only("update/rejected");
    assert_eq!(body["code"], 413);
}

/// `levels` containers inside each other, the outermost a section.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({"n": inner}))
}

#[test]
fn the_depth_limit_is_exact_and_adjustable() {
    let mut world = World::new();
    world.update(json!({"desired": nested(6)})).accepted();
    for name in ["desired", "reported"] {
        let body = world
            .update(json!({name: nested(7)}))
            .only("update/rejected");
        assert_eq!(body["code"], 400);
        let text = "JSON contains too many levels of nesting; maximum is 6";
        assert_eq!(body["message"], text);
    }
    world.limits.depth = 8;
    world.update(json!({"desired": nested(8)})).accepted();
    let body = world
        .update(json!({"desired": nested(9)}))
        .only("update/rejected");
    let text = "JSON contains too many levels of nesting; maximum is 8";
    assert_eq!(body["message"], text);
}

#[test]
fn arrays_count_as_levels_and_empty_containers_do_not() {
    let mut world = World::new();
    world
        .update(json!({"desired": {"a": [[[[[1]]]]]}}))
        .accepted();
    world
        .update(json!({"desired": {"a": [[[[[[]]]]]]}}))
        .accepted();
    let body = world
        .update(json!({"desired": {"a": [[[[[[1]]]]]]}}))
        .only("update/rejected");
    assert_eq!(body["code"], 400);
}
