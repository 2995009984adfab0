//! The helpers of the workshop that need no sockets.

#[path = "../src/asks.rs"]
pub mod asks;
#[path = "../src/browser.rs"]
pub mod browser;
#[path = "../src/deflate.rs"]
pub mod deflate;
#[path = "../src/echo.rs"]
pub mod echo;
#[path = "../src/frames.rs"]
pub mod frames;
#[path = "../src/heads.rs"]
pub mod heads;
#[path = "../src/heap.rs"]
pub mod heap;
#[path = "../src/http1.rs"]
pub mod http1;
#[path = "../src/ids/mod.rs"]
pub mod ids;
#[path = "../src/linearity.rs"]
pub mod linearity;
#[path = "../src/pair.rs"]
pub mod pair;
#[path = "../src/splits.rs"]
pub mod splits;
#[path = "../src/suite/mod.rs"]
pub mod suite;
