//! Bytes from the network as they are: instead of a ServerHello, behind it, and later.

use crate::{
    engine::Native,
    pki,
    server::{
        Server,
        Step::{self, *},
        Verify as V,
    },
    world::{Client, run as run_client},
};

pub fn run(data: &[u8]) {
    let Some((&place, bytes)) = data.split_first() else {
        return;
    };
    let raw = Raw(bytes.to_vec());
    let honest = [
        Hello,
        Extensions(Vec::new()),
        Certificate(vec![pki::server(), pki::intermediate()]),
        Verify(V::By(pki::SERVER_KEY)),
        Finished,
    ];
    let place = usize::from(place % 8);
    let (flight, after): (Vec<Step>, Vec<Step>) = if place > 4 {
        (honest.to_vec(), vec![raw, Eof])
    } else {
        let mut flight = honest[..place].to_vec();
        flight.extend([raw, Eof]);
        (flight, Vec::new())
    };
    let mut server = Server::new(flight, after, None);
    let report = run_client::<Native>(&Client::default(), &mut server);
    // Nobody without the keys gets anything through, and everything comes to an end.
    assert_eq!(report.info.is_some(), place > 4);
    assert!(report.failure.is_some() && report.received.is_empty() && !report.waits);
    assert_eq!(server.seen.wrong, None);
}

/// Headers of all kinds of records, and an alert, at every place.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for place in 0..6 {
        for kind in 20..24 {
            seeds.push(vec![place, kind, 3, 3, 0, 2, 1, 0]);
            seeds.push([&[place, kind, 3, 3, 0, 40][..], &[7; 40]].concat());
        }
        let hello = [&[place, 22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3][..], &[9; 84]].concat();
        seeds.push(hello);
    }
    seeds
}
