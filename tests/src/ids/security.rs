//! Known failures of other servers and clients, and the tests that show each is none of ours.
//!
//! A test is named by its file in `tests/tests/` (without `.rs`) or, with slashes, in the workspace,
//! and its function. `tests/tests/ids.rs` fails when a row names a test that is not there, and when a
//! test of `security_*.rs`, or any that calls itself after a row, is named by none.

/// Something that went wrong elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Unique.
    pub id: &'static str,
    /// What went wrong, and with a name where it has one.
    pub failure: &'static str,
    /// `file::function` of each test.
    pub tests: &'static [&'static str],
}

const fn row(id: &'static str, failure: &'static str, tests: &'static [&'static str]) -> Row {
    Row { id, failure, tests }
}

/// Of WebSockets, HTTP and the program around them.
pub const WEBSOCKET: &[Row] = &[
    row(
        "S1",
        "a long head in small pieces is parsed anew for each (CVE-2023-43669)",
        &[
            "http1_security::s01_a_head_of_any_length_stops_at_the_limit",
            "websocket-proto/src/work.rs::the_largest_request_head_byte_by_byte",
            "linearity::twice_the_input_is_twice_the_memory_taken",
        ],
    ),
    row(
        "S2",
        "more fields than the parser holds, and the one that matters is dropped (CVE-2024-37890)",
        &[
            "http1_security::s02_one_field_too_many_or_one_missing",
            "handshake_server::checks_of_a_hybi_request",
        ],
    ),
    row(
        "S3",
        "a list of subprotocols with many spaces is matched again and again (CVE-2021-32640)",
        &[
            "security_websocket::s03_s04_hostile_values_are_read_once",
            "handshake_server::long_lists_of_protocols_are_refused_in_one_pass",
        ],
    ),
    row(
        "S4",
        "so is an open quoted value of many escapes (CVE-2020-7662, CVE-2020-7663)",
        &[
            "security_websocket::s03_s04_hostile_values_are_read_once",
            "handshake_negotiation::hostile_lists_end_at_the_limit",
            "websocket-proto/src/handshake/extensions.rs::work_is_linear",
        ],
    ),
    row(
        "S5",
        "the name of an extension meets what every object inherits",
        &["security_websocket::s05_no_unknown_extension_is_agreed_on"],
    ),
    row(
        "S6",
        "a length and what has come are added over the end of the integer (CVE-2020-27813)",
        &["security_websocket::s06_announced_lengths_neither_wrap_nor_pass_the_limit"],
    ),
    row(
        "S7",
        "a length with its highest bit set, or signed arithmetic, panics (CVE-2026-27889 and others)",
        &[
            "security_websocket::s06_announced_lengths_neither_wrap_nor_pass_the_limit",
            "security_websocket::s07_arithmetic_is_checked_in_these_tests_and_by_the_fuzzer",
            "http1_security::s07_announced_lengths_of_64_bits",
        ],
    ),
    row(
        "S8",
        "hixie's length in base 128 has no end (CVE-2026-54466)",
        &["frame_hixie::a_flood_of_length_bytes_is_refused_at_the_ninth"],
    ),
    row(
        "S9",
        "tiny fragments cost many times their bytes (CVE-2026-48779)",
        &[
            "memory::a_million_fragments_are_refused_early",
            "memory::a_million_honest_fragments_cost_their_payload",
            "connection_stories::floods_of_tiny_fragments_are_refused_and_honest_ones_pass",
        ],
    ),
    row(
        "S10",
        "a small compressed message inflates without bound (CVE-2026-1526)",
        &[
            "memory::a_bomb_costs_the_limit_and_what_its_codec_needs",
            "deflate_memory::stories",
            "deflate::limits",
            "connection_stories::a_bomb_is_refused_whole_and_handed_out_in_bounded_pieces_streamed",
        ],
    ),
    row(
        "S11",
        "window bits out of range reach the codec (CVE-2026-2229)",
        &["handshake_negotiation::values_of_window_bits"],
    ),
    row(
        "S12",
        "a line break in what is written splits the head (CVE-2026-1527)",
        &[
            "http1_security::s12_what_is_written_parses_back_as_it_was",
            "handshake_server::no_input_breaks_a_line",
        ],
    ),
    row(
        "S13",
        "what stands behind the data of a chunk is not looked at (CVE-2025-43859)",
        &["http1_security::s13_the_data_of_a_chunk_ends_with_crlf"],
    ),
    row(
        "S14",
        "a bare line feed ends a chunk line (CVE-2025-22871, CVE-2025-55315)",
        &["http1_security::s14_no_bare_line_feed_in_a_chunk_line"],
    ),
    row(
        "S15",
        "a message is framed in two ways (CWE-444)",
        &["http1_security::s15_each_framing_has_one_reading"],
    ),
    row(
        "S16",
        "bytes behind a refused upgrade are parsed",
        &[
            "http1_security::s16_a_refused_upgrade_ends_the_connection",
            "security_websocket::s16_nothing_behind_a_refused_upgrade_is_parsed",
        ],
    ),
    row(
        "S17",
        "any page opens a WebSocket with the cookies of its visitor",
        &[
            "handshake_origin::origins",
            "server/tests/serving.rs::pages_of_other_origins_are_kept_out_unless_allowed",
        ],
    ),
    row(
        "S18",
        "a page's name is made to point at the visitor's own machine",
        &[
            "security_websocket::s18_the_authority_asked_for_is_known_before_the_answer",
            "server/tests/security.rs::s18_a_page_that_names_its_host_to_be_here_is_told_no_numbers",
            "server/tests/security.rs::s18_a_server_that_knows_its_names_answers_to_no_other",
            "handshake_hosts::names",
            "http1_malformed::malformed_input_has_one_answer",
        ],
    ),
    row(
        "S19",
        "mask keys can be foretold or repeat",
        &[
            "security_websocket::s19_every_frame_has_a_key_of_its_own_from_the_source",
            "adapter-core/src/entropy.rs::keys_do_not_repeat",
        ],
    ),
    row(
        "S20",
        "a client takes any answer for that of a WebSocket",
        &[
            "handshake_client::answers_of_hybi",
            "handshake_client::answers_of_hixie",
            "http1_security::s20_what_is_no_response_opens_nothing",
        ],
    ),
    row(
        "S21",
        "each ping of a peer that does not read leaves a pong",
        &[
            "memory::a_million_pings_of_a_peer_that_does_not_read_are_bounded",
            "connection_stories::a_flood_of_pings_costs_sixteen_pongs",
        ],
    ),
    row(
        "S22",
        "what a peer does not read grows without bound",
        &[
            "memory::a_peer_that_does_not_read_costs_the_mark_and_a_message",
            "connection_stories::a_full_outbox_refuses_and_tells_of_room_once",
            "connection_stories::a_peer_that_takes_nothing_is_given_up",
        ],
    ),
    row(
        "S23",
        "heads and bodies that drip hold a connection for ever",
        &[
            "http1_security::s23_slow_heads_and_bodies_end_in_time",
            "http1_timers::a_head_that_drips_ends_ten_seconds_after_its_first_byte",
            "http1_timers::a_body_must_keep_up_the_minimum_rate",
            "memory::a_thousand_half_requests_cost_what_came_of_them",
        ],
    ),
    row(
        "S24",
        "a peer never answers the close frame",
        &[
            "connection_stories::a_peer_that_never_answers_a_close_frame_is_given_up",
            "security_websocket::s24_no_timer_outlives_a_connection",
        ],
    ),
    row(
        "S25",
        "frames behind a close frame confuse the state",
        &[
            "security_websocket::s25_nothing_is_told_after_a_close_but_the_end",
            "connection_rules::closing_transcripts",
        ],
    ),
    row(
        "S26",
        "a secret and an attacker's text share a window of the compressor (CRIME, BREACH)",
        &["connection_stories::a_secret_can_stay_out_of_the_compressors_window"],
    ),
    row(
        "S27",
        "bytes that are no UTF-8 become text",
        &[
            "security_websocket::s27_what_is_told_as_text_is_text",
            "websocket-proto/src/utf8.rs::sequences_of_every_class_at_every_split",
        ],
    ),
    row(
        "S28",
        "memory is taken for a length that is only announced",
        &[
            "memory::a_length_that_is_only_announced_costs_nothing",
            "memory::an_announced_body_costs_nothing",
            "http1_security::s28_an_announced_body_is_awaited_not_allocated",
        ],
    ),
    row(
        "S29",
        "a peer's bytes are run in a page or a terminal that shows them",
        &[
            "security_websocket::s29_what_is_printed_holds_no_control_character_of_the_peer",
            "server/tests/security.rs::s29_the_console_shows_what_comes_as_text",
        ],
    ),
    row(
        "S30",
        "a path leads to a file outside what is served",
        &["server/tests/security.rs::s30_no_path_leads_to_a_file"],
    ),
    row(
        "S31",
        "a field becomes the environment of a program (httpoxy)",
        &["server/tests/security.rs::s31_s32_s35_no_program_script_or_password_is_at_hand"],
    ),
    row(
        "S32",
        "a script in the server runs without bound",
        &["server/tests/security.rs::s31_s32_s35_no_program_script_or_password_is_at_hand"],
    ),
    row(
        "S33",
        "any page stops or commands the server",
        &[
            "server/tests/security.rs::s33_no_page_can_command_the_server",
            "server/tests/sockjs.rs::numbers_are_for_the_machine_itself_unless_allowed",
        ],
    ),
    row(
        "S34",
        "a client's certificate counts as verified although it need not be there",
        &["server/tests/tls.rs::s34_no_certificate_of_a_client_is_asked_for_or_believed"],
    ),
    row(
        "S35",
        "the time a comparison takes tells a password",
        &["server/tests/security.rs::s31_s32_s35_no_program_script_or_password_is_at_hand"],
    ),
    row(
        "S36",
        "a control frame inside a compressed message clears its state",
        &[
            "security_websocket::s36_pings_between_the_fragments_of_a_compressed_message_disturb_nothing",
        ],
    ),
    row(
        "S37",
        "a field that is not there is a panic",
        &[
            "security_websocket::s37_heads_that_lack_any_field_have_an_answer_in_both_roles",
            "http1_security::s37_broken_heads_and_bodies_have_one_end",
        ],
    ),
    row(
        "S38",
        "HTTP/1.0 is taken for 1.1",
        &[
            "http1_security::s38_http_1_0_has_no_chunks",
            "handshake_server::bad_requests",
        ],
    ),
    row(
        "S39",
        "pipelined requests fill a queue",
        &["http1_security::s39_requests_wait_their_turn"],
    ),
    row(
        "S40",
        "names of fields are chosen to collide in a map",
        &[
            "http1_security::s40_the_longest_head_is_looked_up",
            "security_websocket::s40_a_head_of_equal_names_is_looked_up_in_order",
        ],
    ),
];

/// Of SockJS.
pub const SOCKJS: &[Row] = &[
    row(
        "6.1-upgrade",
        "a request for a WebSocket where none is ends its response twice (CVE-2020-7693)",
        &[
            "security_sockjs::a_request_has_one_response_whatever_it_asks_for",
            "sockjs_protocol_pages::upgrades_of_what_is_no_websocket",
        ],
    ),
    row(
        "6.1-callback",
        "the name of a callback is written into a page as it came (CVE-2020-8823)",
        &[
            "security_sockjs::a_callback_is_checked_before_a_session_begins",
            "sockjs-proto/src/transport/callback.rs::parameters",
        ],
    ),
    row(
        "6.1-rosetta-flash",
        "an answer that begins with the caller's bytes is another kind of file (CVE-2014-4671)",
        &["security_sockjs::no_answer_to_a_script_begins_with_the_callers_bytes"],
    ),
    row(
        "6.1-reflected-download",
        "a path ends like a file that a browser saves and runs (CVE-2015-5211, CVE-2020-5421)",
        &["security_sockjs::no_path_looks_like_a_file_to_be_saved"],
    ),
    row(
        "6.1-origin",
        "any page reads the stream (CVE-2018-14732)",
        &[
            "sockjs_origins::the_policy_holds_on_every_route",
            "server/tests/sockjs.rs::origins_hold_for_every_transport",
        ],
    ),
    row(
        "6.1-sublayers",
        "a layer within messages runs what they say (CVE-2018-1270 and others)",
        &["security_sockjs::messages_are_opaque"],
    ),
    row(
        "6.1-entropy",
        "ids and entropy can be foretold (CVE-2026-41838)",
        &[
            "security_sockjs::entropy_is_the_sources_alone",
            "adapter-core/src/entropy.rs::keys_do_not_repeat",
        ],
    ),
    row(
        "6.1-script-escapes",
        "an escaper for scripts lets something through (CVE-2026-41845)",
        &[
            "security_sockjs::no_message_breaks_out_of_its_page_or_script",
            "sockjs_json::escapes",
        ],
    ),
    row(
        "6.1-parsers",
        "the parsers below count too little (CVE-2020-7662, CVE-2024-37890, CVE-2026-48779)",
        &[
            "security_websocket::s03_s04_hostile_values_are_read_once",
            "http1_security::s02_one_field_too_many_or_one_missing",
            "memory::a_million_fragments_are_refused_early",
        ],
    ),
    row(
        "6.1-client",
        "the client's dependencies have holes (CVE-2022-1650, CVE-2021-27515 and others)",
        &["server/tests/security.rs::s29_the_console_shows_what_comes_as_text"],
    ),
    row(
        "6.1-cookie",
        "a cookie is sent back without the protection it had",
        &[
            "sockjs_origins::cookies",
            "sockjs-proto/src/cookie.rs::values",
        ],
    ),
    row(
        "6.2-html-in-messages",
        "a message ends the script of an htmlfile page",
        &[
            "security_sockjs::no_message_breaks_out_of_its_page_or_script",
            "security_sockjs::a_page_that_is_a_receiver_runs_its_own_scripts_alone",
        ],
    ),
    row(
        "6.2-upgrade-elsewhere",
        "an `Upgrade` field on another URL ends a response twice",
        &["security_sockjs::a_request_has_one_response_whatever_it_asks_for"],
    ),
    row(
        "6.2-broken-items",
        "items that are no strings, or a broken target, are an exception for everybody",
        &[
            "security_sockjs::a_session_that_is_fed_rubbish_harms_no_other",
            "sockjs_sockets::what_is_no_frame",
            "sockjs_origins::known_attacks",
        ],
    ),
    row(
        "6.2-other-service",
        "an id of one service opens a session of another",
        &["sockjs_protocol_pages::two_services_share_no_session"],
    ),
    row(
        "6.2-refused-session",
        "an application's refusal is ignored",
        &["sockjs_sessions::admission"],
    ),
    row(
        "6.2-loose-requests",
        "an object is taken for messages, a GET begins a session",
        &[
            "sockjs_json::frames_from_clients",
            "sockjs_wire::every_request_has_its_answer",
            "sockjs_origins::known_attacks",
        ],
    ),
    row(
        "6.3-guessing",
        "ids are guessed, or read from logs and referrers",
        &[
            "security_sockjs::whoever_guesses_learns_little",
            "security_sockjs::a_page_that_is_a_receiver_runs_its_own_scripts_alone",
        ],
    ),
    row(
        "6.3-fixation",
        "a session goes on in the name of another visitor",
        &["adapter_sockjs_proxies::an_identity_does_not_change_with_later_requests"],
    ),
    row(
        "6.3-creation",
        "every request with a new id costs a session",
        &[
            "sockjs_memory::a_flood_of_sessions_ends_at_the_limit_and_leaves_empty_slots",
            "sockjs_memory::an_idle_session_is_small",
            "adapter_sockjs_proxies::an_address_has_so_many_sessions",
            "adapter_sockjs_proxies::a_service_has_so_many_sessions",
        ],
    ),
    row(
        "6.3-collisions",
        "ids are chosen to collide in a table",
        &["sockjs-proto/src/endpoint.rs::ids_that_collide_under_one_key_do_not_under_another"],
    ),
    row(
        "6.3-queues",
        "queues and bodies grow without bound, or never end",
        &[
            "sockjs_memory::a_browser_that_never_reads_costs_the_mark_and_a_message",
            "sockjs_memory::a_slow_body_costs_what_came_of_it",
            "sockjs_sessions::session_life",
            "sockjs_connections::bodies_have_a_limit_and_the_page_may_read_the_refusal",
            "sockjs_connections::a_client_that_stops_reading_is_cut",
        ],
    ),
    row(
        "6.3-late-polls",
        "a late poll begins an ended session anew",
        &["sockjs_sessions::session_life"],
    ),
    row(
        "6.4-handshakes",
        "WebSocket handshakes, which CORS does not cover, are not checked",
        &[
            "sockjs_origins::websocket_handshakes",
            "sockjs_origins::old_drafts_have_origins_too",
        ],
    ),
    row(
        "6.4-simple-posts",
        "a foreign page posts without a preflight",
        &["security_sockjs::posts_of_foreign_pages_are_refused_without_a_preflight"],
    ),
    row(
        "6.4-embedded-gets",
        "a foreign page embeds a script or a frame that receives",
        &[
            "security_sockjs::what_foreign_pages_may_embed_is_off_with_a_list",
            "sockjs_origins::who_may_frame_the_iframe_page",
        ],
    ),
    row(
        "6.4-credentials",
        "any origin, or `null`, may use the visitor's cookies",
        &["security_sockjs::credentials_are_for_origins_that_pass_alone"],
    ),
    row(
        "6.4-admission",
        "a service for all origins takes a cookie for an identity",
        &["adapter_sockjs_pressure::admission_accepts_refuses_and_closes"],
    ),
    row(
        "6.5-injection",
        "what a client sent stands in heads, frames or logs as it came",
        &[
            "security_sockjs::what_stands_in_heads_was_checked_and_in_frames_is_escaped",
            "security_sockjs::whoever_guesses_learns_little",
            "security_websocket::s29_what_is_printed_holds_no_control_character_of_the_peer",
        ],
    ),
    row(
        "6.5-forwarded",
        "whoever connects says whom the request is from",
        &["adapter_sockjs_proxies::forwarded_fields_count_from_trusted_proxies_only"],
    ),
    row(
        "6.5-smuggling",
        "an unread body is the next request",
        &[
            "security_sockjs::no_body_is_left_for_the_next_request_to_begin_with",
            "http1_security::s15_each_framing_has_one_reading",
        ],
    ),
    row(
        "6.5-json",
        "deep nesting, huge numbers or broken text in JSON",
        &[
            "security_sockjs::a_session_that_is_fed_rubbish_harms_no_other",
            "sockjs_json::frames_from_clients",
            "linearity::twice_the_input_is_twice_the_memory_taken",
        ],
    ),
    row(
        "6.5-bombs",
        "compressed messages inflate without bound",
        &["memory::a_bomb_costs_the_limit_and_what_its_codec_needs"],
    ),
    row(
        "6.5-caches",
        "a cache keeps what was for one visitor, or a passing 404",
        &["security_sockjs::what_changes_is_not_stored_by_caches"],
    ),
];
