//! Known failures of other servers' files, consoles and credentials, each tried on this program.
//!
//! The rows S18 and S29 to S35 of the workshop's `ids::security` name these tests.

mod support;

use std::fs;
use std::path::Path;

use support::{Server, output};

/// Every source file of the program and of the crates below it that do input and output.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                found.push((path.display().to_string(), text));
            }
        }
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for part in ["server", "adapter-core", "adapter-tokio"] {
        walk(&workspace.join(part).join("src"), &mut found);
    }
    assert!(found.len() > 60, "{} files", found.len());
    found
}

#[test]
fn s29_the_console_shows_what_comes_as_text() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console");
    let mut count = 0;
    for entry in fs::read_dir(scripts).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("UTF-8");
        count += 1;
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
            "srcdoc",
            "createContextualFragment",
            "setHTML",
            "javascript:",
        ] {
            assert!(!text.contains(way), "{way} in {}", path.display());
        }
        // Nothing but its own files: no package of others with failures of their own.
        for line in text
            .lines()
            .filter(|line| line.contains("import ") && line.contains("from"))
        {
            assert!(line.contains("from \"./"), "{line} in {}", path.display());
        }
    }
    assert!(count >= 10, "{count} files");
    let page = Server::start().get("/");
    let policy = page.field("Content-Security-Policy").expect("a policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn s30_no_path_leads_to_a_file() {
    let server = Server::start();
    let up = [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..\\",
        "..%5c",
        "....//",
        "..;/",
        ".%00./",
        "%252e%252e/",
        "\u{2025}/",
        "%c0%ae%c0%ae/",
        "./../",
    ];
    let files = ["Cargo.toml", "etc/passwd", "src/main.rs", ".git/config"];
    let mut targets: Vec<String> = up
        .iter()
        .flat_map(|up| files.map(|file| format!("/{}{file}", up.repeat(4))))
        .collect();
    targets.extend(
        [
            "/console.js/../index.html",
            "/console.js/",
            "/console.js%00",
            "/console.js~",
            "/console.js^headers^",
            "/.htaccess",
            "/^headers^",
            "//etc/passwd",
            "/file:///etc/passwd",
            "/echo/../stats",
            "/%2fetc%2fpasswd",
            "/index.html",
        ]
        .map(str::to_owned),
    );
    assert!(targets.len() >= 60, "{} targets", targets.len());
    for target in targets {
        let answer = server.get(&target);
        assert!(
            matches!(answer.status, 400 | 404),
            "{target}: {}",
            answer.status
        );
        assert!(answer.body.len() < 100, "{target}: {}", answer.body);
    }
}

#[test]
fn s31_s32_s35_no_program_script_or_password_is_at_hand() {
    // What is not there needs no environment, no bounds on scripts and no compare in constant time.
    for (path, text) in sources() {
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = |line: &&str| !line.trim_start().starts_with("//");
        let shipped: String = shipped.lines().filter(code).collect();
        for way in [
            "process::Command",
            "Command::new",
            "set_var",
            "HTTP_PROXY",
            "\"authorization\"",
            "\"Authorization\"",
            "WWW-Authenticate",
        ] {
            assert!(!shipped.contains(way), "{way} in {path}");
        }
    }
    let help = String::from_utf8(output(["--help"]).stdout).expect("UTF-8");
    for word in ["cgi", "script", "password", "user", "htpasswd"] {
        let lower = help.to_lowercase();
        assert!(!lower.contains(&format!("--{word}")), "an option --{word}");
    }
    let server = Server::start();
    let proxied = server.request("GET / HTTP/1.1\r\nHost: a\r\nProxy: http://evil.test\r\n");
    assert_eq!(
        proxied.body,
        server.get("/").body,
        "a `Proxy` field changes nothing"
    );
}

#[test]
fn s33_no_page_can_command_the_server() {
    let server = Server::start();
    for path in [
        "/stopServer",
        "/updateReports",
        "/__console",
        "/shutdown",
        "/quit",
        "/admin",
        "/reload",
        "/debug",
        "/metrics",
        "/console",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
        let post = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n");
        assert!(matches!(server.request(&post).status, 404 | 405), "{path}");
    }
    // What only tells is asked for by a GET alone, and says nothing to other pages.
    for path in ["/stats", "/healthz"] {
        let post = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n");
        assert_eq!(server.request(&post).status, 405, "{path}");
        let get = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\n");
        let answer = server.request(&get);
        assert_eq!(answer.field("Access-Control-Allow-Origin"), None, "{path}");
    }
    assert_eq!(server.get("/healthz").status, 200, "it lives");
}

#[test]
fn s18_a_page_that_names_its_host_to_be_here_is_told_no_numbers() {
    // DNS rebinding: the browser is on this machine, and so is the connection.
    let server = Server::start();
    let port = server.host().rsplit(':').next().expect("a port");
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1", 200),
        (&format!("127.0.0.1:{port}"), 200),
        (&format!("[::1]:{port}"), 200),
        ("192.0.2.1", 200),
        ("evil.test", 403),
        (&format!("evil.test:{port}"), 403),
        ("localhost.evil.test", 403),
        ("127.0.0.1.evil.test", 403),
        ("1evil", 403),
    ] {
        let answer = server.request(&format!("GET /stats HTTP/1.1\r\nHost: {host}\r\n"));
        assert_eq!(answer.status, status, "{host}");
        let fields = "\r\nHost: localhost\r\n";
        let answer = server.request(&format!("GET http://{host}/stats HTTP/1.1{fields}"));
        assert_eq!(answer.status, status, "http://{host}/stats");
    }
}

#[test]
fn s18_a_server_that_knows_its_names_answers_to_no_other() {
    let listen = ["--listen", "127.0.0.1:0"];
    let named = Server::start_with(listen.into_iter().chain([
        "--host",
        "localhost",
        "--host",
        "a.test:8443",
    ]));
    let open = Server::start();
    for (host, passes) in [
        ("localhost:8081", true),
        ("a.test:8443", true),
        ("a.test", false),
        ("evil.test:8081", false),
        ("127.0.0.1", false),
    ] {
        // The page is of the name that it asks by, so that its origin is the server's own.
        let own = format!("http://{host}");
        let fields = [("Host", host), ("Origin", own.as_str())];
        for path in [
            "/ws/echo",
            "/ws/close",
            "/echo/websocket",
            "/chat/0/s/websocket",
        ] {
            let status = if passes { 101 } else { 403 };
            assert_eq!(
                named.handshake_status(path, &fields),
                status,
                "{host} at {path}"
            );
            assert_eq!(
                open.handshake_status(path, &fields),
                101,
                "{host} at {path}"
            );
        }
        for path in ["/echo", "/echo/info", "/broadcast/iframe.html"] {
            let status = if passes { 200 } else { 403 };
            let get = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {own}\r\n");
            assert_eq!(named.request(&get).status, status, "{host} at {path}");
            assert_eq!(open.request(&get).status, 200, "{host} at {path}");
        }
    }
}
