//! Sessions over HTTP as stories on virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use sockjs_proto::{
    Admit, AfterCut, Cause, Close, Closed, Config, Event, FromSession, Literal, Message,
    SessionKey, ToSession, Verdict, Wake, Wrapping,
};
use tests::browser::Link;
use websocket_proto::{Instant, Refused};

type Story = (&'static str, fn());

/// Runs stories; gives their ids.
fn tell(stories: &[Story]) -> impl Iterator<Item = &'static str> {
    for (id, story) in stories {
        println!("{id}");
        story();
    }
    stories.iter().map(|&(id, _)| id)
}

fn link() -> Link {
    Link::new(Config::default())
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn message(text: &str) -> Event {
    Event::Message(Message::from(text))
}

fn closed(event: Option<Event>) -> Closed {
    match event {
        Some(Event::Closed(closed)) => closed,
        other => panic!("{other:?} is not the end"),
    }
}

/// What a stream has got, without its prelude.
fn frames(text: &str) -> &str {
    text.split_once("h\n").map_or(text, |(_, frames)| frames)
}

#[test]
fn session_life() {
    let stories: &[Story] = &[
        ("1.12-unknown-id-opens", unknown_id_opens),
        ("1.12-open-handler-then-flush", what_is_sent_on_open_follows),
        (
            "1.12-all-waiting-messages-in-one-frame",
            all_waiting_messages_in_one_frame,
        ),
        ("1.12-poll-waits-for-a-message", a_poll_waits_for_a_message),
        ("1.12-second-receiver", a_second_receiver_gets_2010),
        (
            "1.12-second-receiver-waits-one-hop",
            a_second_receiver_waits_for_a_look_at_the_first,
        ),
        (
            "1.12-second-receiver-after-an-unseen-cut",
            a_second_receiver_after_a_cut_nobody_saw,
        ),
        (
            "1.12-second-receiver-takes-over",
            a_second_receiver_takes_the_place_of_one_that_ended,
        ),
        (
            "1.12-poll-again-at-once",
            a_poll_right_behind_an_answer_meets_no_2010,
        ),
        (
            "1.12-closing-leftovers-then-close",
            leftovers_go_before_the_close,
        ),
        (
            "1.12-closing-every-poll",
            every_poll_of_a_closing_session_gets_the_close,
        ),
        (
            "1.12-closing-without-o",
            a_session_closed_before_its_first_frame_still_opens,
        ),
        (
            "1.12-closing-deadline",
            polls_do_not_hold_a_closing_session_for_ever,
        ),
        (
            "1.12-detach-starts-the-timer",
            the_disconnect_timer_runs_between_polls,
        ),
        (
            "1.12-timer-from-creation",
            the_timer_runs_when_nobody_flushed_yet,
        ),
        (
            "1.12-timer-not-while-flushing",
            a_slow_reader_is_not_disconnected,
        ),
        ("1.12-cut-ends", a_cut_receiver_ends_the_session),
        ("1.12-cut-is-remembered", after_a_cut_a_poll_gets_1002),
        (
            "1.12-cut-forgotten",
            after_the_disconnect_delay_a_cut_id_begins_anew,
        ),
        (
            "1.12-cut-compat",
            after_a_cut_a_new_session_if_so_configured,
        ),
        (
            "1.12-cut-of-an-ending-receiver",
            a_cut_before_the_last_byte_ends_the_session_of_a_successor,
        ),
        (
            "1.12-cut-while-closing",
            a_cut_while_closing_keeps_the_applications_close,
        ),
        ("1.12-heartbeat", heartbeats),
        ("1.12-heartbeat-not-after-frames", frames_put_heartbeats_off),
        ("1.12-heartbeat-jsonp", the_clients_of_scripts_hear_sooner),
        ("1.12-timeout", without_a_poll_the_session_is_over),
        ("1.12-timeout-forgets", after_a_timeout_the_id_begins_anew),
        ("1.12-timeout-memory", a_longer_memory_is_opt_in),
        (
            "1.12-timeout-spared-when-behind",
            a_late_timer_gives_the_poll_a_chance,
        ),
        ("1.12-send-queues", sends_between_polls_wait),
        (
            "1.12-send-refused-over-the-mark",
            sends_over_the_mark_come_back,
        ),
        ("1.12-send-closing", sends_to_a_closing_session_come_back),
        ("1.12-close-attached", closing_an_attached_session),
        ("1.12-close-detached", closing_between_polls),
        (
            "1.12-close-clean",
            the_end_is_told_when_the_close_has_gone_out,
        ),
        ("1.12-deliver", messages_of_the_browser_arrive_in_order),
        ("1.12-deliver-unknown", posts_to_nobody),
        ("1.12-deliver-closing", posts_to_a_closing_session),
        ("1.12-deliver-parks", a_full_session_parks_senders_in_order),
        (
            "1.12-deliver-abandoned",
            what_an_abandoned_sender_held_is_not_delivered,
        ),
        ("1.12-release", an_application_that_leaves_closes),
    ];
    tests::ids::check("sockjs-1.12", tell(stories));
}

fn unknown_id_opens() {
    let mut link = link();
    let poll = link.attach("abc", Wrapping::Xhr);
    let key = link.opened[0];
    assert_eq!(link.endpoint.request(key), Some(&0));
    assert_eq!(link.events(key), [Event::Open]);
    assert_eq!(link.read(poll), "o\n.");
    link.flushed(poll);
    // What is known of it stays that of its first request.
    link.attach("abc", Wrapping::Xhr);
    assert_eq!(
        (link.opened.len(), link.endpoint.request(key)),
        (1, Some(&0))
    );
}

fn what_is_sent_on_open_follows() {
    let mut link = link();
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    let key = link.opened[0];
    link.send(key, "hello");
    let text = link.read(stream);
    assert!(text.starts_with(&"h".repeat(2048)), "the prelude is first");
    assert_eq!(frames(&text), "o\na[\"hello\"]\n?");
}

fn all_waiting_messages_in_one_frame() {
    let mut link = link();
    let key = link.open("abc");
    for text in ["a", "b", "c"] {
        link.send(key, text);
    }
    assert_eq!(link.poll("abc"), "a[\"a\",\"b\",\"c\"]\n.");
    // Room is a wish, but for what goes beyond 64 KiB.
    let long = "x".repeat(40_000);
    link.send(key, &long);
    link.send(key, "y");
    link.send(key, &long);
    let poll = link.attach("abc", Wrapping::Xhr);
    let FromSession::Frame { bytes, last } = link.endpoint.pull(link.now, poll, 1) else {
        panic!()
    };
    assert_eq!((bytes.len(), last), (40_000 + 2 + 4 + 4, true));
    link.flushed(poll);
    assert_eq!(link.poll("abc"), format!("a[\"{long}\"]\n."));
}

fn a_poll_waits_for_a_message() {
    let mut link = link();
    let key = link.open("abc");
    let poll = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(poll), "?");
    link.send(key, "a");
    link.send(key, "b");
    assert_eq!(link.wakes, [Wake::Receiver(poll)], "one wake for both");
    assert_eq!(link.read(poll), "a[\"a\",\"b\"]\n.");
}

fn a_second_receiver_gets_2010() {
    for (first, second, answer) in [
        (
            Wrapping::Xhr,
            Wrapping::Xhr,
            "c[2010,\"Another connection still open\"]\n.",
        ),
        (
            Wrapping::XhrStreaming,
            Wrapping::Xhr,
            "c[2010,\"Another connection still open\"]\n.",
        ),
        (
            Wrapping::Xhr,
            Wrapping::EventSource,
            "\r\ndata: c[2010,\"Another connection still open\"]\r\n\r\n.",
        ),
    ] {
        let mut link = link();
        let key = link.open("abc");
        let first = link.attach("abc", first);
        link.read(first);
        let second = link.attach("abc", second);
        link.endpoint.still_alive(link.now, first);
        assert_eq!(link.read(second), answer);
        link.flushed(second);
        // The first is not disturbed.
        link.send(key, "still");
        assert!(link.read(first).starts_with("a[\"still\"]\n"));
        assert_eq!(link.events(key), []);
    }
}

fn a_second_receiver_waits_for_a_look_at_the_first() {
    let mut link = link();
    link.open("abc");
    let first = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(first), "?");
    let second = link.attach("abc", Wrapping::Xhr);
    let third = link.attach("abc", Wrapping::Xhr);
    assert!(link.woken(Wake::CheckReceiver(first)));
    assert!(link.wakes.is_empty(), "asked once");
    assert_eq!(
        (link.read(second), link.read(third)),
        ("?".into(), "?".into())
    );
    link.endpoint.still_alive(link.now, first);
    link.collect();
    assert!(link.woken(Wake::Receiver(second)) && link.woken(Wake::Receiver(third)));
    assert!(link.read(second).starts_with("c[2010,"));
}

fn a_second_receiver_after_a_cut_nobody_saw() {
    let mut link = link();
    let key = link.open("abc");
    let first = link.attach("abc", Wrapping::Xhr);
    link.read(first);
    let second = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(second), "?");
    link.aborted(first);
    assert!(link.woken(Wake::Receiver(second)));
    assert_eq!(link.read(second), "c[1002,\"Connection interrupted\"]\n.");
    assert_eq!(
        closed(link.endpoint.poll_event(key)).cause,
        Cause::Interrupted
    );
}

fn a_second_receiver_takes_the_place_of_one_that_ended() {
    let mut link = link();
    let key = link.open("abc");
    let first = link.attach("abc", Wrapping::Xhr);
    link.read(first);
    let second = link.attach("abc", Wrapping::Xhr);
    let third = link.attach("abc", Wrapping::Xhr);
    assert_eq!(
        (link.read(second), link.read(third)),
        ("?".into(), "?".into())
    );
    link.send(key, "a");
    assert_eq!(link.read(first), "a[\"a\"]\n.");
    link.send(key, "b");
    assert_eq!(link.read(second), "a[\"b\"]\n.");
    assert!(link.read(third).starts_with("c[2010,"));
}

fn a_poll_right_behind_an_answer_meets_no_2010() {
    let mut link = link();
    let key = link.open("abc");
    let first = link.attach("abc", Wrapping::Xhr);
    link.send(key, "a");
    assert_eq!(link.read(first), "a[\"a\"]\n.");
    // Its last byte has not been told to be flushed when the next poll is there already.
    let second = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(second), "?");
    link.flushed(first);
    link.send(key, "b");
    assert_eq!(link.read(second), "a[\"b\"]\n.");
}

fn leftovers_go_before_the_close() {
    let mut link = link();
    let key = link.open("abc");
    link.send(key, "a");
    link.close(key, 3000, "Go away!");
    assert_eq!(link.poll("abc"), "a[\"a\"]\n.");
    assert_eq!(link.poll("abc"), "c[3000,\"Go away!\"]\n.");
}

fn every_poll_of_a_closing_session_gets_the_close() {
    let mut link = link();
    let key = link.open("abc");
    link.close(key, 3000, "Go away!");
    for _ in 0..4 {
        assert_eq!(link.poll("abc"), "c[3000,\"Go away!\"]\n.");
        link.pass(secs(1));
    }
    // Two at once, neither of them flushed yet.
    let first = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(first), "c[3000,\"Go away!\"]\n.");
    let second = link.attach("abc", Wrapping::XhrStreaming);
    assert_eq!(frames(&link.read(second)), "c[3000,\"Go away!\"]\n.");
    link.pass(secs(2));
    assert_eq!(link.poll("abc"), "o\n.");
}

fn a_session_closed_before_its_first_frame_still_opens() {
    let mut link = link();
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    link.close(link.opened[0], 3000, "Go away!");
    assert_eq!(frames(&link.read(stream)), "o\nc[3000,\"Go away!\"]\n.");
    let poll = link.attach("def", Wrapping::Xhr);
    link.close(link.opened[1], 3000, "Go away!");
    assert_eq!(link.read(poll), "o\n.");
    link.flushed(poll);
    assert_eq!(link.poll("def"), "c[3000,\"Go away!\"]\n.");
}

fn polls_do_not_hold_a_closing_session_for_ever() {
    let mut link = link();
    let key = link.open("abc");
    let long = "x".repeat(60_000);
    for _ in 0..4 {
        link.send(key, &long);
    }
    link.close(key, 3000, "Go away!");
    for _ in 0..3 {
        link.pass(secs(4));
        assert!(link.poll("abc").starts_with("a["));
    }
    // A poll that is never flushed, nor cut, holds it no longer than the deadline.
    let poll = link.attach("abc", Wrapping::Xhr);
    assert!(link.read(poll).starts_with("a["));
    link.pass(secs(30));
    assert_eq!(link.poll("abc"), "c[3000,\"Go away!\"]\n.");
    link.flushed(poll);
    link.pass(secs(6));
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!((closed.cause, closed.unsent), (Cause::Local, 0));
}

fn the_disconnect_timer_runs_between_polls() {
    let mut link = link();
    let key = link.open("abc");
    for _ in 0..3 {
        link.pass(millis(4900));
        link.send(key, "a");
        assert_eq!(link.poll("abc"), "a[\"a\"]\n.");
    }
    let poll = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(poll), "?");
    link.pass(secs(20));
    assert_eq!(link.events(key), [], "not while a receiver is attached");
}

fn the_timer_runs_when_nobody_flushed_yet() {
    let mut link = link();
    let poll = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(poll), "o\n.");
    link.flushed(poll);
    link.pass(secs(5));
    let events = link.events(link.opened[0]);
    assert!(
        matches!(&events[..], [Event::Open, Event::Closed(_)]),
        "{events:?}"
    );
}

fn a_slow_reader_is_not_disconnected() {
    let mut link = link();
    let key = link.open("abc");
    link.send(key, "a");
    let poll = link.attach("abc", Wrapping::Xhr);
    link.read(poll);
    link.pass(secs(60));
    assert_eq!(link.events(key), []);
    link.flushed(poll);
    link.pass(millis(4999));
    assert_eq!(link.events(key), []);
    link.pass(millis(1));
    assert_eq!(link.events(key).len(), 1);
}

fn a_cut_receiver_ends_the_session() {
    let mut link = link();
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    let key = link.opened[0];
    link.send(key, "a");
    link.read(stream);
    link.send(key, "b");
    link.aborted(stream);
    assert_eq!(link.endpoint.poll_event(key), Some(Event::Open));
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!((closed.cause, closed.code), (Cause::Interrupted, 1002));
    assert_eq!((closed.in_doubt, closed.unsent), (true, 1));
    assert_eq!(
        (link.endpoint.poll_event(key), link.endpoint.session_count()),
        (None, 0)
    );
}

fn after_a_cut_a_poll_gets_1002() {
    let mut link = link();
    link.open("abc");
    let poll = link.attach("abc", Wrapping::Xhr);
    link.aborted(poll);
    for _ in 0..4 {
        assert_eq!(link.poll("abc"), "c[1002,\"Connection interrupted\"]\n.");
        link.pass(secs(1));
    }
    assert_eq!(link.post("abc", ["x"]), FromSession::UnknownSession);
    assert_eq!(link.opened.len(), 1);
}

fn after_the_disconnect_delay_a_cut_id_begins_anew() {
    let mut link = link();
    link.open("abc");
    let poll = link.attach("abc", Wrapping::Xhr);
    link.aborted(poll);
    link.pass(secs(5));
    assert_eq!(
        (link.poll("abc"), link.endpoint.remembered_count()),
        ("o\n.".into(), 0)
    );
}

fn after_a_cut_a_new_session_if_so_configured() {
    let mut link = Link::new(Config {
        after_cut: AfterCut::Open,
        ..Config::default()
    });
    link.open("abc");
    let poll = link.attach("abc", Wrapping::Xhr);
    link.aborted(poll);
    assert_eq!(link.poll("abc"), "o\n.");
}

fn a_cut_before_the_last_byte_ends_the_session_of_a_successor() {
    let mut link = link();
    let key = link.open("abc");
    link.send(key, "a");
    let first = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(first), "a[\"a\"]\n.");
    let second = link.attach("abc", Wrapping::XhrStreaming);
    assert!(link.read(second).ends_with('?'));
    link.aborted(first);
    assert!(link.woken(Wake::Receiver(second)));
    assert_eq!(link.read(second), "c[1002,\"Connection interrupted\"]\n.");
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!((closed.cause, closed.in_doubt), (Cause::Interrupted, true));
}

fn a_cut_while_closing_keeps_the_applications_close() {
    let mut link = link();
    let key = link.open("abc");
    link.close(key, 3001, "bye");
    let poll = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(poll), "c[3001,\"bye\"]\n.");
    link.aborted(poll);
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!(
        (closed.cause, closed.code, closed.in_doubt),
        (Cause::Local, 3001, false)
    );
    assert_eq!(link.poll("abc"), "c[3001,\"bye\"]\n.");
}

fn heartbeats() {
    let mut link = link();
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    link.read(stream);
    link.open("def");
    let poll = link.attach("def", Wrapping::Xhr);
    assert_eq!(link.read(poll), "?");
    link.pass(millis(24_999));
    assert!(link.wakes.is_empty());
    link.pass(millis(1));
    assert!(link.woken(Wake::Receiver(stream)) && link.woken(Wake::Receiver(poll)));
    assert_eq!(link.read(stream), "h\n?");
    assert_eq!(link.read(poll), "h\n.", "a poll ends with it");
    link.pass(secs(25));
    assert_eq!(link.read(stream), "h\n?");
}

fn frames_put_heartbeats_off() {
    let mut link = link();
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    let key = link.opened[0];
    link.read(stream);
    link.pass(secs(20));
    link.send(key, "a");
    assert_eq!(link.read(stream), "a[\"a\"]\n?");
    link.pass(millis(24_999));
    assert_eq!(link.read(stream), "?");
    link.pass(millis(1));
    // A message that comes when a heartbeat is due takes its place.
    link.send(key, "b");
    assert_eq!(link.read(stream), "a[\"b\"]\n?");
    // A connection that has no room does not wait, and gets none.
    assert_eq!(link.endpoint.pull(link.now, stream, 0), FromSession::Wait);
    link.wakes.clear();
    link.pass(secs(60));
    assert!(link.wakes.is_empty());
    assert_eq!(link.read(stream), "?");
}

fn the_clients_of_scripts_hear_sooner() {
    let mut link = Link::new(Config {
        heartbeat_delay: secs(100),
        ..Config::default()
    });
    link.open("abc");
    let callback = sockjs_proto::Callback::from_query(Some("c=cb")).unwrap();
    let poll = link.attach(
        "abc",
        Wrapping::Jsonp {
            callback,
            comment: true,
        },
    );
    assert_eq!(link.read(poll), "?");
    link.pass(secs(34));
    assert_eq!(link.read(poll), "/**/cb(\"h\");\r\n.");
}

fn without_a_poll_the_session_is_over() {
    let mut link = link();
    let key = link.open("abc");
    link.send(key, "a");
    assert_eq!(link.poll("abc"), "a[\"a\"]\n.");
    link.send(key, "b");
    assert_eq!(link.events(key), []);
    link.pass(millis(4999));
    assert!(link.wakes.is_empty());
    link.pass(millis(1));
    assert_eq!(link.wakes, [Wake::Session(key)]);
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!((closed.cause, closed.code), (Cause::Disconnected, 1006));
    assert_eq!((closed.unsent, closed.in_doubt), (1, true));
    assert_eq!(link.capacity.used(), 0);
}

fn after_a_timeout_the_id_begins_anew() {
    let mut link = link();
    let key = link.open("abc");
    link.pass(millis(5300));
    assert_eq!(link.post("abc", ["x"]), FromSession::UnknownSession);
    assert_eq!(link.poll("abc"), "o\n.");
    assert_ne!(link.opened[1], key);
    // The old key names nobody, although the old session's place may be taken.
    assert!(
        link.endpoint
            .send(link.opened[1], Literal::from("a"))
            .is_ok()
    );
    assert_eq!(link.events(key).len(), 1);
    assert_eq!(
        link.endpoint.send(key, Literal::from("a")).unwrap_err().why,
        Refused::Closing
    );
}

fn a_longer_memory_is_opt_in() {
    let mut link = link();
    link.endpoint = std::mem::replace(&mut link.endpoint, Link::new(Config::default()).endpoint)
        .with_memory(secs(60));
    let key = link.open("abc");
    link.close(key, 3000, "Go away!");
    link.pass(secs(20));
    assert_eq!(link.poll("abc"), "c[3000,\"Go away!\"]\n.");
    link.pass(secs(60));
    assert_eq!(link.poll("abc"), "o\n.");
}

fn a_late_timer_gives_the_poll_a_chance() {
    let mut link = link();
    let key = link.open("abc");
    link.now = Instant::from_millis(7000);
    link.endpoint.handle_timeout(link.now);
    assert_eq!(link.events(key), []);
    link.send(key, "a");
    assert_eq!(link.poll("abc"), "a[\"a\"]\n.");
    // Once: then it is the browser that is late.
    link.now = link.now + secs(7);
    link.endpoint.handle_timeout(link.now);
    assert_eq!(link.events(key), []);
    link.now = link.now + secs(7);
    link.endpoint.handle_timeout(link.now);
    assert_eq!(link.events(key).len(), 1);
    // A little late is on time.
    let key = link.open("def");
    link.now = link.now + millis(5400);
    link.endpoint.handle_timeout(link.now);
    assert_eq!(link.events(key).len(), 1);
}

fn sends_between_polls_wait() {
    let mut link = link();
    let key = link.open("abc");
    link.pass(secs(4));
    for text in ["a", "b", "c"] {
        link.send(key, text);
    }
    assert_eq!(link.poll("abc"), "a[\"a\",\"b\",\"c\"]\n.");
}

fn sends_over_the_mark_come_back() {
    let mut link = Link::new(Config {
        outgoing_mark: 100,
        ..Config::default()
    });
    let key = link.open("abc");
    assert_eq!(link.events(key), []);
    let long = Literal::from("x".repeat(1000).as_str());
    link.endpoint.send(key, long).unwrap();
    let refused = link.endpoint.send(key, Literal::from("y")).unwrap_err();
    assert_eq!(
        (refused.why, refused.payload),
        (Refused::Full, Literal::from("y"))
    );
    assert_eq!(link.events(key), []);
    assert!(link.poll("abc").starts_with("a[\"xxx"));
    assert!(link.woken(Wake::Session(key)));
    assert_eq!(link.events(key), [Event::Writable]);
    link.send(key, "y");
}

fn sends_to_a_closing_session_come_back() {
    let mut link = link();
    let key = link.open("abc");
    link.close(key, 3000, "Go away!");
    let refused = link.endpoint.send(key, Literal::from("a")).unwrap_err();
    assert_eq!(
        (refused.why, refused.payload),
        (Refused::Closing, Literal::from("a"))
    );
    // A second close changes nothing.
    link.close(key, 3001, "really");
    assert_eq!(link.poll("abc"), "c[3000,\"Go away!\"]\n.");
}

fn closing_an_attached_session() {
    let mut link = link();
    let key = link.open("abc");
    let poll = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(poll), "?");
    link.close(key, 3000, "Go away!");
    assert!(link.woken(Wake::Receiver(poll)));
    assert_eq!(link.read(poll), "c[3000,\"Go away!\"]\n.");
    link.flushed(poll);
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!(
        (closed.cause, closed.code, closed.reason.as_str()),
        (Cause::Local, 3000, "Go away!")
    );
}

fn closing_between_polls() {
    let mut link = link();
    let key = link.open("abc");
    link.pass(secs(4));
    link.send(key, "a");
    link.close(key, 3000, "Go away!");
    // The timer counts from the close.
    link.pass(millis(4999));
    assert_eq!(link.events(key), []);
    link.pass(millis(1));
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!(
        (closed.cause, closed.code, closed.unsent),
        (Cause::Local, 3000, 1)
    );
    assert_eq!(link.poll("abc"), "o\n.", "a later poll begins anew");
}

fn the_end_is_told_when_the_close_has_gone_out() {
    let mut link = link();
    let key = link.open("abc");
    link.send(key, "a");
    link.close(key, 3000, "Go away!");
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    assert_eq!(
        frames(&link.read(stream)),
        "a[\"a\"]\nc[3000,\"Go away!\"]\n."
    );
    assert_eq!(link.events(key), []);
    link.flushed(stream);
    let closed = closed(link.endpoint.poll_event(key));
    assert_eq!((closed.unsent, closed.in_doubt), (0, false));
}

fn messages_of_the_browser_arrive_in_order() {
    let mut link = link();
    let key = link.open("abc");
    assert_eq!(link.events(key), []);
    assert_eq!(link.post("abc", []), FromSession::Delivered);
    assert!(link.wakes.is_empty());
    assert_eq!(link.post("abc", ["a", "b"]), FromSession::Delivered);
    assert_eq!(link.post("abc", ["c"]), FromSession::Delivered);
    assert_eq!(link.wakes, [Wake::Session(key)], "one wake for all");
    assert_eq!(link.events(key), ["a", "b", "c"].map(message));
}

fn posts_to_nobody() {
    let mut link = link();
    assert_eq!(link.post("abc", ["a"]), FromSession::UnknownSession);
    assert_eq!(link.endpoint.session_count(), 0);
}

fn posts_to_a_closing_session() {
    let mut link = link();
    let key = link.open("abc");
    link.post("abc", ["before"]);
    link.close(key, 3000, "Go away!");
    assert_eq!(link.post("abc", ["a"]), FromSession::Closing);
    link.poll("abc");
    assert_eq!(link.post("abc", ["a"]), FromSession::Closing);
    assert_eq!(link.endpoint.poll_event(key), Some(message("before")));
    closed(link.endpoint.poll_event(key));
}

fn parked(answer: FromSession) -> (sockjs_proto::SenderId, VecDeque<Message>) {
    match answer {
        FromSession::Parked { sender, rest } => (sender, rest),
        other => panic!("{other:?} is not parked"),
    }
}

fn resume(link: &mut Link, parked: (sockjs_proto::SenderId, VecDeque<Message>)) -> FromSession {
    let (sender, messages) = parked;
    let answer = link.endpoint.resume(link.now, sender, messages);
    link.collect();
    answer
}

fn a_full_session_parks_senders_in_order() {
    let mut link = Link::new(Config {
        incoming_messages: 2,
        ..Config::default()
    });
    let key = link.open("abc");
    let first = parked(link.post("abc", ["a", "b", "c", "d", "e"]));
    assert_eq!(first.1, ["c", "d", "e"].map(Message::from));
    let second = parked(link.post("abc", ["f"]));
    assert!(link.wakes.is_empty());
    assert_eq!(link.endpoint.poll_event(key), Some(message("a")));
    link.collect();
    assert!(link.woken(Wake::Sender(first.0)));
    // Who was not called does not overtake, nor who comes later.
    let third = parked(link.post("abc", ["g"]));
    link.endpoint.abandon(link.now, third.0);
    let second = parked(resume(&mut link, second));
    let first = parked(resume(&mut link, first));
    assert_eq!(first.1.len(), 2);
    assert_eq!(link.events(key), ["b", "c"].map(message));
    assert!(link.woken(Wake::Sender(first.0)));
    assert_eq!(resume(&mut link, first), FromSession::Delivered);
    assert_eq!(link.events(key), ["d", "e"].map(message));
    assert!(link.woken(Wake::Sender(second.0)));
    assert_eq!(resume(&mut link, second), FromSession::Delivered);
    assert_eq!(link.events(key), [message("f")]);

    // The end of the session is told to those who wait.
    let waiting = parked(link.post("abc", ["a", "b", "c"]));
    link.close(key, 3000, "Go away!");
    assert!(link.woken(Wake::Sender(waiting.0)));
    assert_eq!(resume(&mut link, waiting), FromSession::Closing);
    assert_eq!(link.events(key), ["a", "b"].map(message));
}

fn what_an_abandoned_sender_held_is_not_delivered() {
    let mut link = Link::new(Config {
        incoming_messages: 1,
        ..Config::default()
    });
    let key = link.open("abc");
    let first = parked(link.post("abc", ["a", "b"]));
    let second = parked(link.post("abc", ["c"]));
    assert_eq!(link.endpoint.poll_event(key), Some(message("a")));
    link.endpoint.abandon(link.now, first.0);
    link.collect();
    assert!(link.woken(Wake::Sender(second.0)));
    assert_eq!(resume(&mut link, second), FromSession::Delivered);
    assert_eq!(link.events(key), [message("c")]);
}

fn an_application_that_leaves_closes() {
    let mut link = link();
    let key = link.open("abc");
    link.post("abc", ["a"]);
    link.endpoint.release(link.now, key);
    assert_eq!(link.events(key), []);
    assert_eq!(link.poll("abc"), "c[1000,\"Normal closure\"]\n.");
    assert_eq!(
        (link.endpoint.session_count(), link.capacity.used()),
        (0, 0)
    );
}

/// The second receiver's answer, byte by byte, on every transport.
#[test]
fn second_receivers() {
    let callback = || sockjs_proto::Callback::from_query(Some("c=cb")).unwrap();
    let xhr = "c[2010,\"Another connection still open\"]\n";
    let script = "c[2010,\\\"Another connection still open\\\"]";
    let rows = [
        ("2.9-xhr", Wrapping::Xhr, xhr.to_owned(), 40),
        (
            "2.9-xhr-streaming",
            Wrapping::XhrStreaming,
            xhr.to_owned(),
            40,
        ),
        (
            "2.9-eventsource",
            Wrapping::EventSource,
            format!("data: {}\r\n\r\n", xhr.trim_end()),
            0x31,
        ),
        (
            "2.9-jsonp",
            Wrapping::Jsonp {
                callback: callback(),
                comment: true,
            },
            format!("/**/cb(\"{script}\");\r\n"),
            0x36,
        ),
        (
            "2.9-htmlfile",
            Wrapping::HtmlFile {
                callback: callback(),
            },
            format!("<script>\np(\"{script}\");\n</script>\r\n"),
            0x44,
        ),
    ];
    tests::ids::check("sockjs-2.9", rows.iter().map(|&(id, ..)| id));
    for (id, wrapping, answer, length) in rows {
        assert_eq!(answer.len(), length, "{id}");
        let mut link = link();
        let key = link.open("abc");
        let first = link.attach("abc", wrapping.clone());
        let mut prelude = Vec::new();
        wrapping.write_prelude(&mut prelude);
        let prelude = String::from_utf8(prelude).unwrap();
        assert_eq!(link.read(first), format!("{prelude}?"), "{id}");
        let second = link.attach("abc", wrapping);
        link.endpoint.still_alive(link.now, first);
        assert_eq!(link.read(second), format!("{prelude}{answer}."), "{id}");
        link.send(key, "still");
        assert!(link.read(first).contains("still"), "{id}");
    }
}

#[test]
fn receivers() {
    let stories: &[Story] = &[
        ("1.8-response-limit", a_stream_ends_at_its_limit),
        (
            "1.8-limit-counts-framing",
            the_limit_counts_framing_and_no_prelude,
        ),
        ("1.8-no-o-twice", a_later_stream_has_no_o),
        ("1.8-ended-by-us", a_connection_may_end_its_response),
    ];
    tests::ids::check("sockjs-1.8", tell(stories));
}

fn a_stream_ends_at_its_limit() {
    let mut link = Link::new(Config {
        response_limit: 4096,
        ..Config::default()
    });
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    let key = link.opened[0];
    link.read(stream);
    for nth in 0..31 {
        link.send(key, &"x".repeat(128));
        let text = link.read(stream);
        assert_eq!((text.len(), text.ends_with('.')), (135, nth == 30), "{nth}");
    }
    for _ in 0..9 {
        link.send(key, &"x".repeat(128));
    }
    link.flushed(stream);
    let next = link.attach("abc", Wrapping::XhrStreaming);
    let text = link.read(next);
    assert_eq!(text.len(), 2049 + 0x49e + 1, "one frame, and no o");
    assert!(text.ends_with('?'));
}

fn the_limit_counts_framing_and_no_prelude() {
    for (wrapping, prelude) in [
        (Wrapping::EventSource, "\r\n"),
        (Wrapping::XhrStreaming, "h"),
    ] {
        let mut link = Link::new(Config {
            response_limit: 4096,
            ..Config::default()
        });
        let stream = link.attach("abc", wrapping);
        assert!(link.read(stream).starts_with(prelude));
        link.send(link.opened[0], &"x".repeat(4096));
        assert!(
            link.read(stream).ends_with('.'),
            "one message of 4096 ends it"
        );
    }
}

fn a_later_stream_has_no_o() {
    let mut link = link();
    let key = link.open("abc");
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    assert_eq!(frames(&link.read(stream)), "?");
    link.send(key, "a");
    assert_eq!(link.read(stream), "a[\"a\"]\n?");
}

fn a_connection_may_end_its_response() {
    let mut link = link();
    let stream = link.attach("abc", Wrapping::XhrStreaming);
    let key = link.opened[0];
    link.read(stream);
    link.endpoint.ending(link.now, stream);
    assert_eq!(link.read(stream), ".");
    link.send(key, "a");
    assert_eq!(link.poll("abc"), "a[\"a\"]\n.");
    link.flushed(stream);
    assert_eq!(link.events(key), [Event::Open]);
}

#[test]
fn admission() {
    let stories: &[Story] = &[
        ("admission-accept", an_admitted_session),
        ("admission-refuse", a_refused_session),
        ("admission-close", a_session_refused_with_a_close),
        ("admission-deadline", an_admission_nobody_decides),
        ("admission-others-wait", requests_wait_for_the_verdict),
        (
            "admission-gone",
            a_request_that_goes_takes_its_question_along,
        ),
        ("admission-hook", a_hook_refuses_before_anything_is_stored),
        ("admission-capacity", there_is_an_end_to_sessions),
    ];
    tests::ids::check("sockjs-admission", tell(stories));
}

fn asking() -> Link {
    Link::admitting(Config::default(), Admit::Ask)
}

fn an_admitted_session() {
    let mut link = asking();
    let poll = link.attach("abc", Wrapping::Xhr);
    assert_eq!(link.read(poll), "?");
    assert!(link.woken(Wake::Admission));
    let admission = link.endpoint.poll_admission().unwrap();
    assert_eq!((admission.session.as_str(), admission.request), ("abc", 0));
    assert!(link.endpoint.poll_admission().is_none());
    assert_eq!(link.endpoint.session_count(), 0);
    link.endpoint
        .decide(link.now, admission.id, Verdict::Accept(77))
        .unwrap();
    link.collect();
    assert_eq!(link.wakes, [Wake::Receiver(poll)]);
    assert_eq!(link.endpoint.request(link.opened[0]), Some(&77));
    assert_eq!(link.read(poll), "o\n.");
    link.flushed(poll);
    let again = link
        .endpoint
        .decide(link.now, admission.id, Verdict::Refuse(403));
    assert_eq!(again, Err(Verdict::Refuse(403)));
}

fn a_refused_session() {
    let mut link = asking();
    let poll = link.attach("abc", Wrapping::Xhr);
    link.read(poll);
    let admission = link.endpoint.poll_admission().unwrap();
    link.endpoint
        .decide(link.now, admission.id, Verdict::Refuse(401))
        .unwrap();
    assert_eq!(link.read(poll), "401");
    assert_eq!(
        (
            link.opened.len(),
            link.capacity.used(),
            link.endpoint.receiver_count()
        ),
        (0, 0, 0)
    );
    assert_eq!(link.endpoint.poll_timeout(), None, "nothing is stored");
}

fn a_session_refused_with_a_close() {
    let mut link = asking();
    let poll = link.attach("abc", Wrapping::Xhr);
    link.read(poll);
    let admission = link.endpoint.poll_admission().unwrap();
    let close = Verdict::Close(Close::new(3403, "who are you?"));
    link.endpoint.decide(link.now, admission.id, close).unwrap();
    assert_eq!(link.read(poll), "o\n.");
    link.flushed(poll);
    assert_eq!(link.poll("abc"), "c[3403,\"who are you?\"]\n.");
    assert_eq!(
        (link.opened.len(), link.capacity.used()),
        (0, 0),
        "the application hears nothing"
    );
}

fn an_admission_nobody_decides() {
    let mut link = asking();
    let poll = link.attach("abc", Wrapping::Xhr);
    link.read(poll);
    let admission = link.endpoint.poll_admission().unwrap();
    link.pass(secs(10));
    assert!(link.woken(Wake::Receiver(poll)));
    assert_eq!(link.read(poll), "503");
    assert!(
        link.endpoint
            .decide(link.now, admission.id, Verdict::Accept(1))
            .is_err()
    );
    assert_eq!(link.capacity.used(), 0);
}

fn requests_wait_for_the_verdict() {
    let mut link = asking();
    let poll = link.attach("abc", Wrapping::Xhr);
    let second = link.attach("abc", Wrapping::Xhr);
    assert_eq!(
        (link.read(poll), link.read(second)),
        ("?".into(), "?".into())
    );
    let post = parked(link.post("abc", ["a"]));
    let admission = link.endpoint.poll_admission().unwrap();
    assert!(link.endpoint.poll_admission().is_none(), "asked once");
    link.endpoint
        .decide(link.now, admission.id, Verdict::Accept(0))
        .unwrap();
    link.collect();
    assert!(link.woken(Wake::Sender(post.0)));
    assert_eq!(resume(&mut link, post), FromSession::Delivered);
    assert_eq!(link.read(poll), "o\n.");
    assert!(link.read(second).starts_with("c[2010,"));
    assert_eq!(link.events(link.opened[0]), [Event::Open, message("a")]);

    // Their number is bounded, and a refusal is for all of them.
    let polls: Vec<_> = (0..20).map(|_| link.attach("def", Wrapping::Xhr)).collect();
    let posts: Vec<_> = (0..20).map(|_| link.post("def", ["a"])).collect();
    assert_eq!(link.read(polls[0]), "?");
    assert_eq!(link.read(polls[19]), "503");
    assert_eq!(posts[19], FromSession::Refused(503));
    let admission = link.endpoint.poll_admission().unwrap();
    link.endpoint
        .decide(link.now, admission.id, Verdict::Refuse(403))
        .unwrap();
    assert_eq!(
        (link.read(polls[0]), link.read(polls[1])),
        ("403".into(), "403".into())
    );
    let post = parked(posts[0].clone());
    assert_eq!(resume(&mut link, post), FromSession::UnknownSession);
}

fn a_request_that_goes_takes_its_question_along() {
    let mut link = asking();
    let poll = link.attach("abc", Wrapping::Xhr);
    link.aborted(poll);
    assert!(link.endpoint.poll_admission().is_none());
    let poll = link.attach("abc", Wrapping::Xhr);
    let admission = link.endpoint.poll_admission().unwrap();
    assert_eq!(admission.request, 1);
    link.aborted(poll);
    assert!(
        link.endpoint
            .decide(link.now, admission.id, Verdict::Accept(1))
            .is_err()
    );
    assert_eq!(
        (link.capacity.used(), link.endpoint.receiver_count()),
        (0, 0)
    );
}

fn a_hook_refuses_before_anything_is_stored() {
    let mut link = link();
    let poll = link
        .endpoint
        .attach(link.now, "abc", Wrapping::Xhr, || Err(429));
    assert_eq!(link.read(poll), "429");
    assert_eq!(
        (link.endpoint.session_count(), link.capacity.used()),
        (0, 0)
    );
}

fn there_is_an_end_to_sessions() {
    let mut link = Link::new(Config {
        max_sessions: 2,
        ..Config::default()
    });
    link.open("a");
    link.open("b");
    assert_eq!(link.poll("c"), "503");
    link.pass(secs(6));
    let (a, b) = (link.opened[0], link.opened[1]);
    assert_eq!(
        link.poll("c"),
        "503",
        "until the application has heard of the end"
    );
    link.events(a);
    link.events(b);
    assert_eq!(link.poll("c"), "o\n.");
}

#[test]
fn values_do_what_methods_do() {
    let mut link = link();
    let now = link.now;
    let attach = ToSession::Attach {
        session: "abc".into(),
        wrapping: Wrapping::Xhr,
        request: 5,
    };
    let Some(FromSession::Attached(receiver)) = link.endpoint.handle(now, attach) else {
        panic!()
    };
    link.collect();
    let key: SessionKey = link.opened[0];
    assert_eq!(link.endpoint.request(key), Some(&5));
    let frame = link
        .endpoint
        .handle(now, ToSession::Pull { receiver, room: 1 });
    assert_eq!(
        frame,
        Some(FromSession::Frame {
            bytes: "o\n".into(),
            last: true
        })
    );
    assert_eq!(
        link.endpoint.handle(now, ToSession::Flushed(receiver)),
        None
    );
    let messages = VecDeque::from([Message::from("a")]);
    let send = ToSession::Send {
        session: "abc".into(),
        messages,
    };
    assert_eq!(
        link.endpoint.handle(now, send),
        Some(FromSession::Delivered)
    );
    assert_eq!(link.events(key), [Event::Open, message("a")]);
}
