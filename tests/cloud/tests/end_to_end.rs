//! The real thing: `cloud serve` with mosquitto, and devices over TLS 1.3 with certificates.

mod harness;

use harness::{Cloud, Scratch, serve, wait_for};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const P: &str = "$aws/things/demo-thing/shadow";

/// "Not authorized", as mosquitto_pub and mosquitto_sub print it.
const NOT_AUTHORIZED: &str = "135";

#[test]
fn a_device_and_an_application_meet_in_the_shadow() {
    let cloud = Cloud::start("round-trip");
    assert!(cloud.fails(&["show"]).contains("404"));

    // The application asks, the device hears it.
    let topics = [format!("{P}/update/+"), format!("{P}/get/+")];
    let mut device = cloud.listen("demo-thing", &topics);
    cloud.ok(&["request", r#"{"color":"red"}"#]);
    let delta = device.message(&format!("{P}/update/delta"));
    assert_eq!(delta["state"], json!({"color": "red"}));
    assert_eq!(delta["version"], 1);

    // Nothing is reported yet.
    let waited = Instant::now();
    let why = cloud.fails(&["wait-reported", r#"{"color":"red"}"#, "--timeout", "0.3"]);
    assert!(waited.elapsed() >= Duration::from_millis(300));
    assert!(why.contains("reported nothing"), "{why}");
    drop(device);

    // The device reports while the application waits for it.
    let mut waiting = Command::new(env!("CARGO_BIN_EXE_cloud"))
        .args(["wait-reported", r#"{"color":"red"}"#, "--timeout", "20"])
        .arg("--dir")
        .arg(cloud.dir())
        .spawn()
        .unwrap();
    let report = r#"{"state":{"reported":{"color":"red","size":3}},"clientToken":"d1"}"#;
    let rr = cloud
        .device("mosquitto_rr", "demo-thing")
        .args(["-i", "demo-thing", "-t", &format!("{P}/update")])
        .args(["-e", &format!("{P}/update/accepted"), "-m", report])
        .output()
        .expect("mosquitto_rr is installed (package mosquitto-clients)");
    let accepted: Value = serde_json::from_slice(&rr.stdout).expect("a reply");
    assert_eq!(accepted["clientToken"], "d1");
    assert_eq!(accepted["version"], 2);
    assert!(waiting.wait().unwrap().success());

    let shown: Value = serde_json::from_str(&cloud.ok(&["show"])).unwrap();
    let reported = json!({"color": "red", "size": 3});
    assert_eq!(
        shown["state"],
        json!({"desired": {"color": "red"}, "reported": reported})
    );

    // Deleting it is visible to both.
    let deleted: Value = serde_json::from_str(&cloud.ok(&["delete"])).unwrap();
    assert_eq!(deleted["version"], 2);
    assert!(cloud.fails(&["delete"]).contains("404"));
    assert!(cloud.fails(&["show"]).contains("404"));
}

#[test]
fn named_shadows_are_separate_and_rejections_reach_the_device() {
    let cloud = Cloud::start("named");
    let named = format!("{P}/name/cfg");
    let topics = [format!("{named}/update/+"), format!("{P}/update/+")];
    let mut device = cloud.listen("demo-thing", &topics);

    cloud.ok(&["request", r#"{"period":5}"#, "--shadow", "cfg"]);
    let delta = device.message(&format!("{named}/update/delta"));
    assert_eq!(delta["state"], json!({"period": 5}));
    let documents = device.message(&format!("{named}/update/documents"));
    assert_eq!(documents["previous"], Value::Null);
    assert!(cloud.fails(&["show"]).contains("'demo-thing'"));

    let stale = r#"{"state":{"desired":{"period":6}},"version":9,"clientToken":"mine"}"#;
    let why = cloud.fails(&["update", stale, "--shadow", "cfg"]);
    assert!(why.contains("409 Version conflict"), "{why}");
    let rejected = device.message(&format!("{named}/update/rejected"));
    assert_eq!(
        rejected,
        json!({"code": 409, "message": "Version conflict", "clientToken": "mine"})
    );
}

#[test]
fn a_device_may_only_use_topics_of_its_own_thing() {
    let cloud = Cloud::start("access");
    cloud.ok(&["add", "other"]);
    let other = "$aws/things/other/shadow";
    let update = r#"{"state":{"reported":{"a":1}}}"#;

    let said = cloud.publish("demo-thing", &format!("{other}/update"), update);
    assert!(said.contains(&format!("RC:{NOT_AUTHORIZED}")), "{said}");
    assert!(cloud.fails(&["show", "--thing", "other"]).contains("404"));

    let said = cloud.publish("other", &format!("{other}/update"), update);
    assert!(said.contains("RC:0"), "{said}");
    cloud.ok(&["show", "--thing", "other"]);

    let filters = [
        "$aws/things/demo-thing/shadow/update/+",
        "$aws/things/other/shadow/update/+",
        "$aws/things/+/shadow/update/+",
        "#",
        "demo-thing/#",
    ];
    let device = cloud.listen("demo-thing", &filters);
    let verdicts = device.subscribed.split_once("): ").unwrap().1.to_owned();
    let expected = format!("1, {NOT_AUTHORIZED}, {NOT_AUTHORIZED}, {NOT_AUTHORIZED}, 1");
    assert_eq!(verdicts, expected);
}

#[test]
fn connack_announces_the_limits_of_aws() {
    let cloud = Cloud::start("connack");
    let topic_alias_maximum_8 = [0x22, 0, 8];
    let maximum_packet_size_149504 = [0x27, 0, 2, 0x48, 0];
    let receive_maximum_100 = [0x21, 0, 100];
    let maximum_qos_1 = [0x24, 1];
    let server_keep_alive_1200 = [0x13, 0x04, 0xb0];
    let has = |connack: &[u8], part: &[u8]| connack.windows(part.len()).any(|w| w == part);

    let usual = connack(&cloud, 60);
    assert_eq!(usual[..2], [0, 0], "new session, success: {usual:?}");
    for part in [
        &topic_alias_maximum_8[..],
        &maximum_packet_size_149504,
        &receive_maximum_100,
        &maximum_qos_1,
    ] {
        assert!(has(&usual, part), "{part:x?} not in {usual:x?}");
    }
    assert!(!has(&usual, &server_keep_alive_1200));
    for keep_alive_s in [0, 1201] {
        let adjusted = connack(&cloud, keep_alive_s);
        assert!(has(&adjusted, &server_keep_alive_1200), "{adjusted:x?}");
    }
}

/// The broker's answer to a CONNECT, without its fixed header.
fn connack(cloud: &Cloud, keep_alive_s: u16) -> Vec<u8> {
    let mut packet = b"\x10\x17\0\x04MQTT\x05\x02".to_vec();
    packet.extend(keep_alive_s.to_be_bytes());
    packet.extend(b"\0\0\x0ademo-thing");
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-tls1_3", "-verify_return_error"])
        .args(["-connect", &format!("127.0.0.1:{}", cloud.port)])
        .args(["-CAfile", &cloud.file("server-root.pem")])
        .args(["-cert", &cloud.file("device-demo-thing.pem")])
        .args(["-key", &cloud.file("device-demo-thing.pk8")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    client.stdin.as_mut().unwrap().write_all(&packet).unwrap();
    let mut header = [0; 2];
    let stdout = client.stdout.as_mut().unwrap();
    let mut body = Vec::new();
    let read = stdout.read_exact(&mut header).and_then(|()| {
        body.resize(usize::from(header[1]), 0);
        stdout.read_exact(&mut body)
    });
    let _ = client.kill();
    let _ = client.wait();
    read.expect("a CONNACK");
    assert_eq!(header[0], 0x20);
    body
}

#[test]
fn strangers_are_not_let_in() {
    let cloud = Cloud::start("strangers");
    let elsewhere = Scratch::new("elsewhere");
    let foreign = cloud::place::Place::create(&elsewhere.0).unwrap();
    foreign.make_certificates(&["demo-thing".into()]).unwrap();
    let foreign = |name: &str| foreign.file(name).display().to_string();

    let connects = |arguments: &[&str]| {
        let output = Command::new("mosquitto_pub")
            .args(["-h", "localhost", "-p", &cloud.port.to_string()])
            .args(["-V", "mqttv5", "-q", "1", "-i", "demo-thing"])
            .args(["-t", &format!("{P}/get"), "-n"])
            .args(["--cafile", &cloud.file("server-root.pem")])
            .args(arguments)
            .output()
            .expect("mosquitto_pub is installed (package mosquitto-clients)");
        output.status.success()
    };
    let certificate = cloud.file("device-demo-thing.pem");
    let key = cloud.file("device-demo-thing.key");
    let own = ["--cert", &certificate, "--key", &key];
    assert!(connects(&own), "the device itself");

    assert!(!connects(&[]), "no certificate");
    let (foreign_certificate, foreign_key) = (
        foreign("device-demo-thing.pem"),
        foreign("device-demo-thing.key"),
    );
    let foreign_own = ["--cert", &foreign_certificate, "--key", &foreign_key];
    assert!(
        !connects(&foreign_own),
        "certificate of a foreign authority"
    );
    // The device is as careful: it does not accept a server of another authority.
    let foreign_root = foreign("server-root.pem");
    let mistrusting = [&own[..], &["--cafile", &foreign_root]].concat();
    assert!(!connects(&mistrusting), "server of a foreign authority");
}

#[test]
fn only_tls_1_3_is_spoken() {
    let cloud = Cloud::start("tls");
    let handshake = |version: &str| {
        let output = Command::new("openssl")
            .args(["s_client", version, "-verify_return_error"])
            .args(["-connect", &format!("127.0.0.1:{}", cloud.port)])
            .args(["-CAfile", &cloud.file("server-root.pem")])
            .args(["-cert", &cloud.file("device-demo-thing.pem")])
            .args(["-key", &cloud.file("device-demo-thing.key")])
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let old = handshake("-tls1_2");
    assert!(old.contains("alert protocol version"), "{old}");
    let new = handshake("-tls1_3");
    assert!(new.contains("Verify return code: 0 (ok)"), "{new}");
}

#[test]
fn another_server_certificate_can_be_served() {
    let dir = Scratch::new("expired");
    let status = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/pki"))
        .arg(&dir.0)
        .arg("--extra")
        .status();
    assert!(status.expect("tools/pki runs").success());
    let options = ["--cert", "expired-chain.pem", "--key", "expired-leaf.key"];
    let cloud = Cloud::start_in(dir, &options);
    let output = cloud
        .device("mosquitto_pub", "demo-thing")
        .args(["-i", "demo-thing", "-t", "demo-thing/x", "-n"])
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    // The commands do not use TLS.
    cloud.ok(&["request", r#"{"a":1}"#]);
}

#[test]
fn connections_are_cut_on_command() {
    let cloud = Cloud::start("drop");
    let filter = ["demo-thing/#"];
    let mut device = cloud.listen("demo-thing", &filter);
    cloud.ok(&["drop", "--client", "demo-thing"]);
    device.line("Received DISCONNECT (152)");

    // It may come back at once, and be cut in the other way.
    drop(device);
    let mut device = cloud.listen("demo-thing", &filter);
    cloud.ok(&["drop", "--client", "demo-thing", "--take-over"]);
    device.line("Client demo-thing sending CONNECT");

    let why = cloud.fails(&["drop", "--client", "nobody"]);
    assert!(why.contains("not found"), "{why}");
}

#[test]
fn nothing_is_left_however_it_ends() {
    for end in ["TERM", "INT", "KILL", "stdin"] {
        let mut cloud = Cloud::start(&format!("end-{end}"));
        assert!(!cloud.is_gone());
        if end == "stdin" {
            drop(cloud.child.stdin.take());
        } else {
            cloud.signal(end);
        }
        wait_for("the end of the broker", || cloud.is_gone());
        let status = cloud.child.wait().unwrap();
        if end != "KILL" {
            assert!(status.success(), "{end}: {status}");
            assert!(!cloud.dir().join("cloud.env").exists(), "{end}");
        }
        let why = cloud.fails(&["show"]);
        assert!(
            why.contains("no cloud runs") || why.contains("cannot reach"),
            "{why}"
        );
    }
}

#[test]
fn a_cloud_that_cannot_start_says_why() {
    let cloud = Cloud::start("first");
    let says = |command: &mut Command| {
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };

    let twice = says(serve(cloud.dir()).args(["--port", "0"]));
    assert!(twice.contains("already"), "{twice}");

    let elsewhere = Scratch::new("second");
    let busy = says(serve(&elsewhere.0).args(["--port", &cloud.port.to_string()]));
    assert!(busy.contains("did not start"), "{busy}");
    assert!(busy.contains("Address already in use"), "{busy}");

    let missing = says(serve(&elsewhere.0).args(["--port", "0", "--cert", "no-such.pem"]));
    assert!(missing.contains("no-such.pem"), "{missing}");

    let bad = says(serve(&elsewhere.0).args(["--port", "0", "--thing", "a/b"]));
    assert!(bad.contains("Invalid thing name"), "{bad}");
}

#[test]
fn faults_come_and_go_on_command() {
    let cloud = Cloud::start_in(Scratch::new("faults"), &["--fault", "throttle=100"]);
    let update = r#"{"state":{"reported":{"a":1}},"clientToken":"t"}"#;
    assert!(cloud.fails(&["update", update]).contains("429"));
    cloud.ok(&["faults", "fail=100"]);
    assert!(cloud.fails(&["get"]).contains("500"));
    cloud.ok(&["faults"]);
    cloud.ok(&["update", update]);

    cloud.ok(&["faults", "conflict=100"]);
    let versioned = r#"{"state":{"reported":{"a":2}},"version":1,"clientToken":"t"}"#;
    let mut device = cloud.listen("demo-thing", &[format!("{P}/update/+")]);
    assert!(cloud.fails(&["update", versioned]).contains("409"));
    let other = device.message(&format!("{P}/update/accepted"));
    assert_eq!(
        (&other["version"], &other["clientToken"]),
        (&json!(2), &json!("somebody-else"))
    );

    cloud.ok(&["faults", "duplicate=100", "delay=100", "delay_ms=300"]);
    cloud.ok(&["request", r#"{"b":1}"#]);
    for _ in 0..2 {
        let delta = device.message(&format!("{P}/update/delta"));
        assert_eq!(delta["version"], 3);
    }
    let why = cloud.fails(&["faults", "luck=5"]);
    assert!(why.contains("no fault called 'luck'"), "{why}");
}
