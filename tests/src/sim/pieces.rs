//! Texts that are handed out in pieces, as they come.

use websocket_proto::MessageKind;
use websocket_proto::connection::Chunk;

/// What has come of the text under way.
#[derive(Debug, Default)]
pub(super) struct Pieces(Option<String>);

impl Pieces {
    /// The text that ends with this piece.
    pub(super) fn add(&mut self, chunk: &Chunk) -> Option<String> {
        assert_eq!(chunk.kind, MessageKind::Text);
        assert_eq!(chunk.first, self.0.is_none(), "a first piece, and one only");
        let piece = std::str::from_utf8(&chunk.payload).expect("cut between characters");
        self.0.get_or_insert_default().push_str(piece);
        if chunk.last { self.0.take() } else { None }
    }
}
