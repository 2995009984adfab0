//! The file of a Unix socket, which the system neither reuses nor removes.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// A socket file of ours; it is removed when this is dropped.
pub(crate) struct SocketFile(PathBuf);

impl SocketFile {
    /// Takes charge of a file that was just bound.
    pub(crate) fn owned(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the socket file stays");
        }
    }
}

/// Removes the socket that a server left behind when it was killed: one that nobody answers at.
///
/// # Errors
///
/// There is such a file, and it cannot be removed.
pub(crate) fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) | Err(_) => return Ok(()), // whatever is wrong, binding will tell
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Ok(_) | Err(_) => Ok(()),
    }
}
