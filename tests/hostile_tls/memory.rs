//! The memory for session tickets, which is the application's: of any size, with anything in it.
//! That every bit of a ticket counts, its own tests show (src/tls/native/tests/ticket.rs).

use sha2::{Digest as _, Sha256};

use crate::{
    engine::Native,
    scenarios::honest::{self, flight},
    server::{
        Event, Server,
        Step::{self, *},
    },
    world::{Client, Report, run},
};

/// The memory is larger than the ticket in it.
const SIZE: usize = 512;
/// What is behind the ticket, over all before.
const CHECK: usize = 32;

/// A client with this in its memory for tickets.
fn client(tickets: Vec<u8>) -> Client {
    Client {
        tickets,
        ..Client::default()
    }
}

/// Memory of this size after a connection that brought a ticket.
fn memory(size: usize) -> Vec<u8> {
    let mut server = Server::new(flight(), vec![honest::ticket()], Some(7));
    let report = run::<Native>(&client(vec![0; size]), &mut server);
    assert_eq!((report.failure, server.seen.wrong), (None, None));
    report.tickets
}

/// Where what is used of the memory ends.
fn end(memory: &[u8]) -> usize {
    memory.iter().rposition(|&byte| byte != 0).unwrap() + 1
}

/// What a client with this memory offers.
fn offered(tickets: Vec<u8>) -> Option<Vec<u8>> {
    let mut server = Server::new(vec![Await(Event::Data)], Vec::new(), None);
    let report = run::<Native>(&client(tickets), &mut server);
    assert!(report.waits);
    assert_eq!(server.seen.wrong, None);
    server.seen.offered.pop().expect("a ClientHello came")
}

/// A server that goes on from whatever ticket it is offered, without its key; or one that does a
/// whole handshake.
fn connect(tickets: Vec<u8>, flight: Vec<Step>) -> Report {
    let mut server = Server::new(flight, Vec::new(), Some(7));
    run::<Native>(&client(tickets), &mut server)
}

/// Somebody who can write the memory can make it look whole. That is worth what the memory is
/// worth, which is as secret as a private key; but nothing in it may break the client.
#[test]
fn memory_that_looks_whole_breaks_nothing() {
    use crate::server::Resume::NotKnowing;
    let good = memory(SIZE);
    let end = end(&good);
    let mut offers = 0;
    for place in 0..end - CHECK {
        for value in [0, 0x7f, 0xff] {
            let mut changed = good.clone();
            changed[place] = value;
            // As if it were as long as it now says.
            let length = u16::from_be_bytes([changed[end - CHECK - 34], changed[end - CHECK - 33]]);
            let end = (end - CHECK - 32 + usize::from(length)).min(SIZE - CHECK);
            let check = Sha256::digest(&changed[..end]);
            changed[end..end + CHECK].copy_from_slice(&check);
            offers += usize::from(offered(changed.clone()).is_some());
            if value == 0xff {
                let pretends = vec![Resume(NotKnowing), Extensions(vec![]), Finished];
                let report = connect(changed.clone(), pretends);
                assert!(report.info.is_none() && report.failure.is_some(), "{place}");
                let report = connect(changed, flight());
                assert_eq!(report.failure, None, "{place}");
                assert!(report.info.is_some_and(|info| !info.resumed), "{place}");
            }
        }
    }
    // The check was right: much of it is taken as it is.
    assert!(offers > 100, "{offers}");
}

#[test]
fn memory_of_any_contents_is_no_ticket() {
    for byte in [0, 1, 0x54, 0xff] {
        for size in [1, 3, 4, 5, 100, 143, 144, 145, 160, 161, 176, 177, 4096] {
            assert_eq!(offered(vec![byte; size]), None, "{size} times {byte}");
        }
    }
    // Its mark, and nothing of what follows.
    let mark = memory(SIZE)[..4].to_vec();
    for byte in [0, 0xff] {
        let contents = [&mark[..], &[byte; 300]].concat();
        for size in 0..contents.len() {
            assert_eq!(offered(contents[..size].to_vec()), None, "{size}");
        }
    }
}

#[test]
fn memory_of_any_size_will_do() {
    let needed = end(&memory(SIZE));
    for size in (1..needed + 20).step_by(7).chain([needed - 1, needed]) {
        let memory = memory(size);
        assert_eq!(memory.len(), size);
        let ticket = (size >= needed).then(|| vec![7; 32]);
        assert_eq!(offered(memory), ticket, "{size}");
    }
}
