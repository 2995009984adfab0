//! Cuts the measured servers out of the README, so that what is measured is what it shows.
//!
//! Two changes are made, and each must apply exactly once: the port is left to the system, and the
//! chat says where it listens, as the echo server does.

use std::path::Path;
use std::{env, fs};

fn main() {
    let readme = "../../README.md";
    println!("cargo::rerun-if-changed={readme}");
    let readme = fs::read_to_string(readme).expect("the README is there");

    let echo = block(&readme, "async fn echo(");
    let echo = once(&echo, "127.0.0.1:9001", "127.0.0.1:0");
    write("echo_tokio.rs", &echo);
    // "Changing the runtime is changing one `use`", and the attribute that starts tokio.
    for (module, adapter) in [
        ("echo_async_std.rs", "adapter_async_std"),
        ("echo_smol.rs", "adapter_smol"),
    ] {
        let other = once(&echo, "adapter_tokio", adapter);
        let other = once(&other, "#[tokio::main]\nasync fn main()", "async fn run()");
        let main = format!(
            "{other}\nfn main() -> std::io::Result<()> {{\n    {adapter}::block_on(run())\n}}\n"
        );
        write(module, &main);
    }

    let chat = block(&readme, "async fn chat(");
    let run = "Server::new().sockjs(service).bind(\"127.0.0.1:8081\").await?.run().await;";
    let say = "let server = Server::new().sockjs(service).bind(\"127.0.0.1:0\").await?;\n    \
        println!(\"listening on {}\", server.local_addresses()[0]);\n    server.run().await;";
    write("chat_tokio.rs", &once(&chat, run, say));
}

/// The block of Rust that contains `what`.
fn block(readme: &str, what: &str) -> String {
    // Most are marked with what rustdoc is to do with them.
    let mut blocks = readme.split("```rust").skip(1);
    let found = blocks.find_map(|block| {
        let (_, code) = block.split_once('\n')?;
        let (code, _) = code.split_once("```")?;
        code.contains(what).then_some(code)
    });
    found.expect("the README has the example").to_owned()
}

fn once(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {text}");
    text.replace(from, to)
}

fn write(name: &str, code: &str) {
    let directory = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&directory).join(name), code).expect("OUT_DIR can be written");
}
