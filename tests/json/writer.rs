//! The writer: nesting, escaping, overflow.

use iot_thing::Error::{self, Argument, JsonDepth, JsonNesting, JsonNoSpace, JsonSyntax, JsonUtf8};
use iot_thing::json::{MAX_DEPTH, Value, Writer};

fn written(write: impl Fn(&mut Writer)) -> Result<String, Error> {
    let mut buffer = [0xEE; 8192];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    let text = writer.finish()?.to_vec();
    let needed = writer.needed();
    assert_eq!(needed, text.len());
    assert!(buffer[needed..].iter().all(|byte| *byte == 0xEE));
    Value::parse(&text).expect("what was written is JSON");

    // Every smaller buffer: the same size is needed, and nothing is written behind its end.
    for size in 0..needed {
        let mut buffer = vec![0xEE; size + 8];
        let (small, guard) = buffer.split_at_mut(size);
        let mut writer = Writer::new(small);
        write(&mut writer);
        assert_eq!(writer.needed(), needed);
        assert_eq!(writer.error(), Some(JsonNoSpace));
        assert_eq!(writer.finish(), Err(JsonNoSpace));
        assert!(guard.iter().all(|byte| *byte == 0xEE));
    }
    Ok(String::from_utf8(text).expect("UTF-8"))
}

fn failed(error: Error, write: impl Fn(&mut Writer)) {
    let mut buffer = [0; 256];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    assert_eq!(writer.finish(), Err(error));
    // The first error stays, and nothing more is written.
    let before = (writer.error(), writer.needed());
    writer
        .null()
        .name("x")
        .begin_object()
        .end_array()
        .raw(b"}")
        .string([0xFF]);
    if before.0.is_some() {
        assert_eq!((writer.error(), writer.needed()), before);
    }
}

#[test]
fn documents() {
    let text = written(|w| {
        w.begin_object();
        w.name("b").bool(true).name("n").null().name("i").i64(-5);
        w.name("o").begin_object().end_object();
        w.name("a")
            .begin_array()
            .u64(1)
            .string("x")
            .begin_array()
            .end_array()
            .begin_object();
        w.name("deep")
            .scaled(-5, 2)
            .end_object()
            .bool(false)
            .end_array();
        w.name("").raw(b" {\"x\": [ 1 ]}\n");
        w.end_object();
    });
    assert_eq!(
        text.as_deref(),
        Ok(
            r#"{"b":true,"n":null,"i":-5,"o":{},"a":[1,"x",[],{"deep":-0.05},false],"":{"x": [ 1 ]}}"#
        )
    );
    assert_eq!(
        written(|w| {
            w.string("alone");
        })
        .as_deref(),
        Ok("\"alone\"")
    );
    assert_eq!(
        written(|w| {
            w.begin_array().end_array();
        })
        .as_deref(),
        Ok("[]")
    );
    assert_eq!(
        written(|w| {
            w.raw(b"\t1.0 ");
        })
        .as_deref(),
        Ok("1.0")
    );
}

#[test]
fn numbers() {
    for value in [
        0,
        1,
        -1,
        9,
        10,
        4_294_967_295,
        4_294_967_296,
        42_949_672_959,
        i64::MAX,
        i64::MIN,
    ] {
        assert_eq!(
            written(|w| {
                w.i64(value);
            }),
            Ok(value.to_string())
        );
    }
    for value in [0, u64::from(u32::MAX), u64::MAX, 10_000_000_000_000_000_000] {
        assert_eq!(
            written(|w| {
                w.u64(value);
            }),
            Ok(value.to_string())
        );
    }
    for (value, decimals, text) in [
        (2157, 2, "21.57"),
        (2150, 2, "21.50"),
        (5, 0, "5"),
        (5, 1, "0.5"),
        (-5, 3, "-0.005"),
        (0, 2, "0.00"),
        (100, 2, "1.00"),
        (-2157, 4, "-0.2157"),
        (i64::MAX, 18, "9.223372036854775807"),
        (i64::MIN, 18, "-9.223372036854775808"),
        (i64::MIN, 1, "-922337203685477580.8"),
        (1, 18, "0.000000000000000001"),
    ] {
        assert_eq!(
            written(|w| {
                w.scaled(value, decimals);
            })
            .as_deref(),
            Ok(text)
        );
        assert_eq!(
            Value::assume_valid(text.as_bytes()).as_scaled(decimals),
            Ok(value)
        );
    }
    failed(Argument, |w| {
        w.scaled(1, 19);
    });
}

#[test]
fn strings() {
    assert_eq!(
        written(|w| {
            w.string("a\"\\/\u{8}\u{c}\n\r\t\0\u{1}\u{1f}\u{7f}é€😀");
        })
        .as_deref(),
        Ok("\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\u{7f}é€😀\"")
    );
    let every: String = (0..0x500)
        .filter_map(char::from_u32)
        .chain([
            '\u{d7ff}',
            '\u{e000}',
            '\u{ffff}',
            '\u{10000}',
            '\u{10ffff}',
        ])
        .collect();
    let json = written(|w| {
        w.begin_object().name(&every).string(&every).end_object();
    })
    .expect("written");
    let value = Value::parse(json.as_bytes()).expect("valid");
    assert!(
        value
            .get(&every)
            .and_then(|text| text.as_text())
            .is_ok_and(|text| text.eq_str(&every))
    );
    for bad in [&b"\xFF"[..], b"ab\xC0\x80", b"\xED\xA0\x80", b"\xE2\x82"] {
        failed(JsonUtf8, |w| {
            w.string(bad);
        });
        failed(JsonUtf8, |w| {
            w.begin_object().name(bad).null().end_object();
        });
    }
}

#[test]
fn impossible_orders() {
    failed(JsonNesting, |_| {});
    failed(JsonNesting, |w| {
        w.begin_object();
    });
    failed(JsonNesting, |w| {
        w.begin_array();
    });
    failed(JsonNesting, |w| {
        w.end_object();
    });
    failed(JsonNesting, |w| {
        w.end_array();
    });
    failed(JsonNesting, |w| {
        w.name("a");
    });
    failed(JsonNesting, |w| {
        w.null().null();
    });
    failed(JsonNesting, |w| {
        w.null().end_object();
    });
    failed(JsonNesting, |w| {
        w.null().name("a");
    });
    failed(JsonNesting, |w| {
        w.begin_object().null();
    });
    failed(JsonNesting, |w| {
        w.begin_object().begin_array();
    });
    failed(JsonNesting, |w| {
        w.begin_object().end_array();
    });
    failed(JsonNesting, |w| {
        w.begin_object().name("a").end_object();
    });
    failed(JsonNesting, |w| {
        w.begin_object().name("a").name("b");
    });
    failed(JsonNesting, |w| {
        w.begin_object().name("a").null().null();
    });
    failed(JsonNesting, |w| {
        w.begin_array().name("a");
    });
    failed(JsonNesting, |w| {
        w.begin_array().end_object();
    });
    failed(JsonNesting, |w| {
        w.begin_array().null().name("a");
    });
    failed(JsonNesting, |w| {
        w.begin_array().end_array().end_array();
    });
    failed(JsonNesting, |w| {
        w.begin_object().raw(b"1");
    });
    failed(JsonNesting, |w| {
        w.begin_object().end_object().begin_object().end_object();
    });
}

#[test]
fn raw_and_depth() {
    failed(JsonSyntax, |w| {
        w.raw(b"{\"a\":}");
    });
    failed(JsonSyntax, |w| {
        w.raw(b"");
    });
    failed(JsonSyntax, |w| {
        w.begin_array().raw(b"1,2").end_array();
    });
    failed(JsonUtf8, |w| {
        w.raw(b"\"\xFF\"");
    });
    let nested = |depth: u32| {
        format!(
            "{}{}",
            "[".repeat(depth as usize),
            "]".repeat(depth as usize)
        )
    };
    for open in 0..=MAX_DEPTH {
        let write = |inner: u32| {
            move |w: &mut Writer<'_>| {
                for _ in 0..open {
                    w.begin_array();
                }
                w.raw(nested(inner).as_bytes());
                for _ in 0..open {
                    w.end_array();
                }
            }
        };
        if open < MAX_DEPTH {
            assert_eq!(written(write(MAX_DEPTH - open)), Ok(nested(MAX_DEPTH)));
        }
        failed(JsonDepth, write(MAX_DEPTH - open + 1));
    }
    failed(JsonDepth, |w| {
        for _ in 0..=MAX_DEPTH {
            w.begin_array();
        }
    });
}

/// Somebody else continues, as C does with a writer that was lent to it.
#[test]
fn resuming() {
    let mut buffer = [0; 32];
    let mut progress = Writer::new(&mut buffer).begin_object().progress();
    for (name, value) in [("a", 1), ("b", 2)] {
        progress = Writer::resume(&mut buffer, progress)
            .name(name)
            .i64(value)
            .progress();
    }
    assert_eq!(
        Writer::resume(&mut buffer, progress).end_object().finish(),
        Ok(&br#"{"a":1,"b":2}"#[..])
    );
}
