//! Stories of a server connection in which time passes.

use bytes::{Buf, Bytes};
use tests::http1::Served;
use websocket_proto::http1::server::{Body, Config, Connection, Event};
use websocket_proto::http1::{Closed, ResponseHead, Timer};
use websocket_proto::{Instant, Machine};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";

#[test]
fn a_connection_that_sends_nothing_closes_silently() {
    for nothing in [&b""[..], b"\r\n\r\n", b"\r"] {
        let mut served = Served::echo();
        served.feed(&[nothing]).until(9_999);
        assert_eq!(served.closed, None);
        served.until(10_000);
        assert_eq!(served.closed, Some(Closed::Idle));
        assert_eq!(served.text(), "");
    }
}

#[test]
fn a_head_that_drips_ends_ten_seconds_after_its_first_byte() {
    let mut served = Served::echo();
    served.feed(&[GET]).until(20_000);
    assert_eq!(served.statuses(), [200]);
    for (second, byte) in GET.chunks(1).enumerate() {
        served.until(20_000 + 1000 * second as u64);
        if served.closed.is_some() {
            assert_eq!(second, 10);
            break;
        }
        served.feed(&[byte]);
    }
    assert_eq!(served.closed, Some(Closed::Timeout(Timer::Head)));
    assert_eq!(served.statuses(), [200, 408]);
    assert!(
        served
            .text()
            .ends_with("Connection: close\r\nContent-Length: 0\r\n\r\n")
    );
}

#[test]
fn the_first_head_counts_from_the_start() {
    let mut served = Served::echo();
    served.until(9_000).feed(&[b"GET"]).until(9_999);
    assert_eq!(served.closed, None);
    served.until(10_000);
    assert_eq!(served.statuses(), [408]);
}

#[test]
fn keep_alive_ends_silently_after_75_seconds() {
    let mut served = Served::echo();
    served
        .feed(&[GET])
        .until(70_000)
        .feed(&[GET])
        .until(70_000 + 74_999);
    assert_eq!(served.closed, None);
    served.until(70_000 + 75_000);
    assert_eq!(served.closed, Some(Closed::Idle));
    assert_eq!(served.statuses(), [200, 200]);
}

#[test]
fn a_peer_that_still_reads_is_not_idle() {
    let now = Instant::from_millis(0);
    let mut connection = Connection::new(Config::default().into(), now);
    connection.receive(now, &mut GET.to_vec());
    let body = Body::Full(Bytes::from(vec![0; 1_000_000]));
    connection
        .respond(now, &ResponseHead::new(200), body)
        .unwrap();
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    for second in 0..200 {
        connection.outbox().advance(1000);
        connection.handle_timeout(Instant::from_millis(1000 * second));
        assert!(!connection.is_finished(), "second {second}");
    }
}

#[test]
fn a_stalled_body_ends_after_30_seconds() {
    let mut served = Served::echo();
    served
        .feed(&[POST])
        .until(10_000)
        .feed(&[&[b'x'; 50_000]])
        .until(39_999);
    assert_eq!(served.closed, None);
    served.until(40_000);
    assert_eq!(served.closed, Some(Closed::Timeout(Timer::Body)));
    assert_eq!(served.statuses(), [408]);
}

#[test]
fn a_body_must_keep_up_the_minimum_rate() {
    let close_after = |bytes_per_second: usize| {
        let mut served = Served::echo();
        served.feed(&[POST]);
        for second in 1..=300 {
            served.until(1000 * second);
            if served.closed.is_some() {
                return Some(second);
            }
            served.feed(&[&vec![b'x'; bytes_per_second]]);
        }
        None
    };
    assert_eq!(
        close_after(1),
        Some(31),
        "a drip lives as long as its credit"
    );
    assert_eq!(
        close_after(120),
        Some(59),
        "half the rate: about twice as long"
    );
    assert_eq!(close_after(240), None);
    assert_eq!(close_after(300), None);
}

#[test]
fn a_body_that_the_application_leaves_waiting_does_not_time_out() {
    let now = Instant::from_millis(0);
    let mut connection = Connection::new(Config::default().into(), now);
    connection.receive(now, &mut POST.to_vec());
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    assert_eq!(
        connection.poll_timeout(),
        None,
        "nobody asked for the body yet"
    );
    connection.read_body(now, u64::MAX).unwrap();
    assert_eq!(connection.receive(now, &mut [b'x'; 70_000]), 70_000);
    for second in [30, 60, 90] {
        connection.handle_timeout(Instant::from_millis(1000 * second));
        assert!(!connection.is_finished(), "paused at second {second}");
    }
    // Taken up again just before the deadline: the peer gets its whole time.
    connection.handle_timeout(Instant::from_millis(119_000));
    assert!(matches!(connection.poll_event(), Some(Event::Body(_))));
    connection.handle_timeout(Instant::from_millis(120_000));
    assert!(!connection.is_finished());
    connection.handle_timeout(Instant::from_millis(150_000));
    assert!(connection.is_finished());
}

#[test]
fn a_peer_that_stops_reading_is_cut_after_30_seconds() {
    let at = Instant::from_millis;
    let mut connection = Connection::new(Config::default().into(), at(0));
    connection.receive(at(0), &mut GET.to_vec());
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    connection
        .respond(
            at(0),
            &ResponseHead::new(200).close(),
            Body::Full(vec![0; 10_000].into()),
        )
        .unwrap();
    // The response is the last one: the machine is finished, but the peer has not got it.
    assert!(connection.is_finished());
    connection.handle_timeout(at(0));
    assert_eq!(connection.poll_timeout(), Some(at(30_000)));
    connection.outbox().advance(1);
    connection.handle_timeout(at(29_000));
    assert_eq!(
        connection.poll_timeout(),
        Some(at(59_000)),
        "one byte is progress"
    );
    connection.handle_timeout(at(58_999));
    assert!(!connection.outbox().is_empty());
    connection.handle_timeout(at(59_000));
    assert!(
        connection.outbox().is_empty(),
        "nothing to wait for any more"
    );
    assert_eq!(connection.poll_timeout(), None);

    // With a response under way it is the cause.
    let mut connection = Connection::new(Config::default().into(), at(0));
    connection.receive(at(0), &mut GET.to_vec());
    connection
        .respond(at(0), &ResponseHead::new(200), Body::Stream)
        .unwrap();
    connection.handle_timeout(at(5));
    connection.handle_timeout(at(30_005));
    assert!(matches!(connection.poll_event(), Some(Event::Request(_))));
    let Some(Event::Closed(closed)) = connection.poll_event() else {
        panic!()
    };
    assert_eq!(closed, Closed::Timeout(Timer::Write));
}

#[test]
fn calling_early_is_harmless() {
    let mut served = Served::echo();
    for millis in 0..5000 {
        served
            .connection
            .handle_timeout(Instant::from_millis(millis));
    }
    served.until(5_000).feed(&[GET]).until(6_000);
    assert_eq!(served.statuses(), [200]);
}
