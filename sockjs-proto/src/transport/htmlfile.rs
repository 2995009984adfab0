//! `htmlfile`: a document that never ends, with one script for each frame.

use alloc::vec::Vec;

use super::Callback;
use crate::Frame;
use crate::literal::Embedding;

/// Safari begins to run scripts only after 1 KiB.
pub(super) fn write_prelude(callback: &Callback, out: &mut Vec<u8>) {
    let length = out.len() + LENGTH + callback.as_str().len();
    out.extend_from_slice(HEAD);
    out.extend_from_slice(callback.as_str().as_bytes());
    out.extend_from_slice(TAIL);
    out.resize(length - END.len(), b' ');
    out.extend_from_slice(END);
}

pub(super) fn write(frame: &Frame<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<script>\np(\"");
    frame.write(Embedding::Html, out);
    out.extend_from_slice(b"\");\n</script>\r\n");
}

const HEAD: &[u8] = br#"<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent."#;
const TAIL: &[u8] = br#";
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"#;
const END: &[u8] = b"\r\n\r\n";
/// What the deployed servers send, less the callback's name.
const LENGTH: usize = 1027;
const _: () = assert!(
    HEAD.len() + TAIL.len() + END.len() < LENGTH,
    "spaces fill the rest"
);
