//! Plain HTTP beside WebSockets.

use std::net::Shutdown;
use std::time::Duration;

use adapter_core::{Client, ConnectError, HttpRoute, Request, Response, Server};
use bytes::Bytes;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use tests::rt::{Rt, connect, sleep, soon, spawn};
use tests::serve::{Running, echo, read_head};

fn site<R: Rt>() -> Server<R> {
    let page = HttpRoute::get(async |_| Response::text("page"))
        .method("POST", sum)
        .body_limit(10_000);
    Server::<R>::new()
        .websocket("/ws", echo)
        .route("/", page)
        .get("/files/*", async |request: Request| {
            Response::text(request.rest().to_owned())
        })
        .get("/stream", async |_| {
            Response::new(200).with_writer(async |mut body| {
                for n in 0..3 {
                    sleep(Duration::from_millis(5)).await;
                    if body.send(format!("chunk {n}")).await.is_err() {
                        break;
                    }
                }
            })
        })
        .get("/panic", async |_| panic!("as the test wants it"))
        .get("/split", async |request: Request| {
            Response::text("x").header("X-Query", request.query().unwrap_or_default())
        })
        .get("/bad", async |_| {
            Response::text("secret").header("X", "a\r\nSet-Cookie: b")
        })
}

/// Adds up what comes, piece by piece.
async fn sum(mut request: Request) -> Response {
    let (mut length, mut pieces) = (0, 0);
    loop {
        match request.body().chunk().await {
            Ok(Some(piece)) => (length, pieces) = (length + piece.len(), pieces + 1),
            Ok(None) => return Response::text(format!("{length} bytes, {}", pieces > 0)),
            Err(error) => return Response::text(error.to_string()),
        }
    }
}

/// Sends `input`, closes its side, and reads to the end; the `Date` fields are left out.
async fn talk(server: &Running, input: &str) -> String {
    let mut stream = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    stream.write_all(input.as_bytes()).await.expect("written");
    stream.shutdown(Shutdown::Write).expect("shut");
    let mut output = String::new();
    soon(stream.read_to_string(&mut output))
        .await
        .expect("read");
    let lines = output
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with("Date: "));
    lines.collect()
}

async fn requests_and_responses<R: Rt>() {
    let server = Running::start(site::<R>()).await;
    let text = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{PLAIN}\r\n\r\n{body}")
    };
    for (request, response) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", text("page")),
        (
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            text("page").replace("\r\npage", "\r\n"),
        ),
        (
            // Pipelined, on one connection.
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /files/b/c?d HTTP/1.1\r\nHost: a\r\n\r\n",
            text("page") + &text("b/c"),
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            text("5 bytes, true"),
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            text("3 bytes, true"),
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi",
            format!("HTTP/1.1 100 Continue\r\n\r\n{}", text("2 bytes, true")),
        ),
    ] {
        let answer = talk(&server, request).await;
        let answer = answer.replace("Connection: close\r\n", "");
        assert_eq!(answer, response, "{request}");
    }
}

async fn errors<R: Rt>() {
    let server = Running::start(site::<R>()).await;
    for (request, status, field) in [
        (
            "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
            "404",
            "Content-Length: 0",
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\n\r\n",
            "405",
            "Allow: GET, HEAD, POST",
        ),
        (
            "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
            "426",
            "Upgrade: websocket",
        ),
        (
            "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n",
            "500",
            "Connection: close",
        ),
        (
            "GET /bad HTTP/1.1\r\nHost: a\r\n\r\n",
            "500",
            "Connection: close",
        ),
        ("GET / HTTP/1.1\r\n\r\n", "400", "Connection: close"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10001\r\n\r\n",
            "413",
            "Connection: close",
        ),
        ("nonsense\r\n\r\n", "400", "Connection: close"),
    ] {
        let answer = talk(&server, request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        assert!(answer.contains(field), "{request}: {answer}");
        assert!(
            !answer.contains("Set-Cookie") && !answer.contains("secret"),
            "{answer}"
        );
    }
}

async fn a_streamed_response_arrives_piece_by_piece<R: Rt>() {
    let server = Running::start(site::<R>()).await;
    let mut stream = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    stream
        .write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("written");
    let mut output = String::new();
    while !output.ends_with("0\r\n\r\n") {
        let mut piece = [0; 4096];
        let n = soon(stream.read(&mut piece)).await.expect("read");
        output.push_str(std::str::from_utf8(&piece[..n]).expect("text"));
    }
    let (head, body) = output.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("Transfer-Encoding: chunked"), "{head}");
    assert_eq!(
        body,
        "7\r\nchunk 0\r\n7\r\nchunk 1\r\n7\r\nchunk 2\r\n0\r\n\r\n"
    );
    // The connection goes on.
    stream
        .write_all(b"GET /split?q HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("written");
    let mut piece = [0; 4096];
    let n = soon(stream.read(&mut piece)).await.expect("read");
    assert!(
        std::str::from_utf8(&piece[..n])
            .expect("text")
            .contains("X-Query: q\r\n")
    );
}

async fn a_streamed_response_is_dropped_with_its_peer<R: Rt>() {
    let (gone, seen) = smol::channel::bounded::<()>(1);
    let gone = std::sync::Mutex::new(Some(gone));
    let server = Running::start(Server::<R>::new().get("/", move |_| {
        let gone = gone.lock().expect("not poisoned").take();
        async {
            Response::new(200).with_writer(async move |mut body| {
                let _gone = gone;
                while body.send(Bytes::from_static(&[0; 1000])).await.is_ok() {}
            })
        }
    }))
    .await;
    let mut stream = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("written");
    let mut piece = [0; 4096];
    soon(stream.read(&mut piece)).await.expect("read");
    drop(stream);
    soon(seen.recv())
        .await
        .expect_err("the writer was dropped without a word");
}

async fn drain_answers_the_request_under_way<R: Rt>() {
    let server = Running::start(Server::<R>::new().get("/slow", async |_| {
        sleep(Duration::from_millis(100)).await;
        Response::text("done")
    }))
    .await;
    let mut busy = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .expect("written");
    let _idle = soon(TcpStream::connect(&server.address))
        .await
        .expect("connected");
    sleep(Duration::from_millis(30)).await;
    let stopping = spawn::<R, _>(server.stop(Duration::from_secs(5)));
    let mut output = String::new();
    soon(busy.read_to_string(&mut output)).await.expect("read");
    assert!(
        output.contains("Connection: close\r\n") && output.ends_with("\r\n\r\ndone"),
        "{output}"
    );
    drop((busy, _idle));
    soon(stopping).await.expect("no panic");
}

async fn answers_that_are_no_websocket<R: Rt>() {
    let server = Running::start(site::<R>()).await;
    let error = soon(connect::<R>(&server.ws("/")))
        .await
        .expect_err("a page");
    let ConnectError::Refused(refused) = error else {
        panic!("{error}")
    };
    assert_eq!(
        (refused.head.status(), &refused.body[..]),
        (200, &b"page"[..])
    );

    // Nobody listens, nobody answers, and no such URL.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("bound")
        .local_addr()
        .expect("an address");
    let error = soon(connect::<R>(&format!("ws://{closed}/")))
        .await
        .expect_err("closed");
    assert!(matches!(error, ConnectError::Connect(_)), "{error}");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("ws://{}/", silent.local_addr().expect("an address"));
    let error = soon(
        Client::<R>::new()
            .timeout(Duration::from_millis(50))
            .connect(&url),
    )
    .await;
    assert!(matches!(error, Err(ConnectError::Timeout)));
    assert!(matches!(
        connect::<R>("http://a/").await,
        Err(ConnectError::Url(_))
    ));
}

async fn through_a_proxy<R: Rt>() {
    let server = Running::start(site::<R>()).await;
    let proxy = smol::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("bound");
    let port = proxy.local_addr().expect("an address").port();
    let target = server.address.clone();
    let _proxying = spawn::<R, _>(async move {
        for refuse in [true, false] {
            let (mut client, _) = proxy.accept().await.expect("accepted");
            let head = read_head(&mut client).await;
            assert!(
                head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")),
                "{head}"
            );
            assert!(
                head.contains("Proxy-Authorization: Basic dTpw\r\n"),
                "{head}"
            );
            if refuse {
                let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
                client.write_all(answer).await.expect("written");
                continue;
            }
            client
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .await
                .expect("written");
            let server = TcpStream::connect(&target).await.expect("connected");
            let there = smol::io::copy(client.clone(), server.clone());
            let _ = smol::future::or(there, smol::io::copy(server, client)).await;
        }
    });
    let client = Client::<R>::new()
        .proxy("127.0.0.1", port)
        .proxy_credentials("u", "p");
    let error = soon(client.connect(&server.ws("/ws")))
        .await
        .expect_err("refused");
    let ConnectError::ProxyRefused(refused) = error else {
        panic!("{error}")
    };
    assert_eq!(
        (refused.head.status(), &refused.body[..]),
        (403, &b"no"[..])
    );
    let mut ws = soon(client.connect(&server.ws("/ws"))).await.expect("open");
    ws.send("through").await.expect("sent");
    assert_eq!(
        soon(ws.recv()).await.expect("an echo").as_text(),
        Some("through")
    );
}

const PLAIN: &str = "Content-Type: text/plain; charset=utf-8";

tests::on_every_runtime! {
    requests_and_responses,
    errors,
    a_streamed_response_arrives_piece_by_piece,
    a_streamed_response_is_dropped_with_its_peer,
    drain_answers_the_request_under_way,
    answers_that_are_no_websocket,
    through_a_proxy,
}
