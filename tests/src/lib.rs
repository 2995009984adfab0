//! The workshop: what the test files share. Not published.

pub mod asks;
pub mod browser;
pub mod deflate;
pub mod echo;
pub mod frames;
pub mod heads;
pub mod heap;
pub mod http1;
pub mod ids;
pub mod linearity;
pub mod pair;
pub mod rt;
pub mod serve;
pub mod sim;
pub mod splits;
pub mod suite;
pub mod toy;
pub mod visitor;

/// The examples of the README compile, and those that end are run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
